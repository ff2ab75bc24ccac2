import { readFile } from 'node:fs/promises';
import type * as GoogleLibrary from 'google-auth-library';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { raceAbort } from '../../http/race-abort.js';
import { loadPackage } from '../load-package.js';
import type { ProviderSettings } from '../types.js';
import type { GceConfiguration } from './configuration.js';

const SCOPES = ['https://www.googleapis.com/auth/cloud-platform'];
/** The headers of Google's library that identify us: the token, and the project that pays for a user's calls. */
const HEADERS = ['authorization', 'x-goog-user-project'];
/** Most characters of a message of Google's library that we pass on. */
const LONGEST_MESSAGE = 300;

/** Returns the headers that identify us at an API of Google. A token is kept until shortly before it expires. */
export type GetAuthHeaders = (signal: AbortSignal) => Promise<Record<string, string>>;

/**
 * Credentials in a file of the worker, or given by a user with a command. Other types can read files of the worker's
 * machine and send them to any URL, as `external_account` does: Google's library takes them from the environment alone.
 */
const keySchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('service_account'),
    client_email: z.string().min(1),
    private_key: z.string().min(1),
    private_key_id: z.string().optional(),
  }),
  z.object({
    type: z.literal('authorized_user'),
    client_id: z.string().min(1),
    client_secret: z.string().min(1),
    refresh_token: z.string().min(1),
    quota_project_id: z.string().optional(),
  }),
]);

type Key = z.infer<typeof keySchema>;

/** Prepares the sign-in to Google. Asks nobody yet. */
export async function prepareSignIn(settings: ProviderSettings<GceConfiguration>): Promise<GetAuthHeaders> {
  const { name, configuration, credentials } = settings;
  const library = await loadPackage('google-auth-library', () => import('google-auth-library'));
  const path = configuration.credentials_file;
  const key =
    credentials !== undefined
      ? parseKey(`the credentials for provider ${name}`, credentials)
      : path !== undefined
        ? parseKey(`credentials_file ${path} of provider ${name}`, await readJson(name, path))
        : undefined;
  const client =
    key === undefined
      ? new library.GoogleAuth({ scopes: SCOPES, projectId: configuration.project })
      : createClient(library, key);
  return async (signal) => {
    const headers = await raceAbort(signal, () => client.getRequestHeaders()).catch((error: unknown) => {
      signal.throwIfAborted();
      throw signInError(name, error);
    });
    return Object.fromEntries([...headers].filter(([header]) => HEADERS.includes(header)));
  };
}

function createClient({ JWT, UserRefreshClient }: typeof GoogleLibrary, key: Key): GoogleLibrary.AuthClient {
  if (key.type === 'authorized_user') {
    const client = new UserRefreshClient({
      clientId: key.client_id,
      clientSecret: key.client_secret,
      refreshToken: key.refresh_token,
    });
    // Calls in the name of a person are counted for this project.
    if (key.quota_project_id !== undefined) client.quotaProjectId = key.quota_project_id;
    return client;
  }
  const client = new JWT({ email: key.client_email, key: key.private_key, keyId: key.private_key_id, scopes: SCOPES });
  // Google's APIs take a token that we sign ourselves, so nothing is asked of oauth2.googleapis.com.
  client.useJWTAccessWithScope = true;
  return client;
}

async function readJson(provider: string, path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    // The message of a parser quotes the text, which holds a key.
    const why = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    throw new FactoryError('InvalidParameter', `credentials_file ${path} of provider ${provider} ${why}`);
  }
}

function parseKey(what: string, json: unknown): Key {
  const parsed = keySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  // The message of zod names the field, never its value.
  const mistake = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  throw new FactoryError('InvalidParameter', `${what} are not a key of Google Cloud: ${mistake}`, {
    hint: 'give the JSON key of a service account; for workload identity set GOOGLE_APPLICATION_CREDENTIALS of the worker',
  });
}

/** The library's error is no cause of ours: it holds the request, with the secrets in it. */
function signInError(provider: string, error: unknown): FactoryError {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_MESSAGE);
  const status = readStatus(error);
  const isRefused = status !== undefined && status >= 400 && status < 500 && status !== 429;
  // Neither a credential of the environment nor a metadata server, a file that is not there, a key that is no key.
  const isMissing = /default credentials|credential file|DECODER|PEM/i.test(message);
  if (isRefused || isMissing) {
    return new FactoryError('AuthenticationFailed', `provider ${provider}: the sign-in to Google failed: ${message}`, {
      hint: 'check credentials_file of the provider, GOOGLE_APPLICATION_CREDENTIALS, or the machine’s service account',
    });
  }
  return new FactoryError('CloudUnavailable', `provider ${provider}: the sign-in to Google failed: ${message}`, {
    retryable: true,
  });
}

function readStatus(error: unknown): number | undefined {
  const parsed = z.object({ response: z.object({ status: z.number() }) }).safeParse(error);
  return parsed.success ? parsed.data.response.status : undefined;
}
