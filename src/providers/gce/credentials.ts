import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { raceAbort } from '../../http/race-abort.js';
import { loadPackage } from '../load-package.js';
import type { ProviderSettings } from '../types.js';
import type { GceConfiguration } from './configuration.js';

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
/** The headers of Google's library that identify us: the token, and the project that pays for a user's calls. */
const HEADERS = ['authorization', 'x-goog-user-project'];
/** Most characters of a message of Google's library that we pass on. */
const LONGEST_MESSAGE = 300;

/** Returns the headers that identify us at an API of Google. A token is kept until shortly before it expires. */
export type GetAuthHeaders = (signal: AbortSignal) => Promise<Record<string, string>>;

/**
 * Credentials that a user gives with a command. Other types, which the operator of the worker may use, can read files
 * of the worker's machine and send them to any URL: `external_account` does.
 */
const givenCredentials = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('service_account'),
    client_email: z.string().min(1),
    private_key: z.string().min(1),
  }),
  z.looseObject({
    type: z.literal('authorized_user'),
    client_id: z.string().min(1),
    client_secret: z.string().min(1),
    refresh_token: z.string().min(1),
  }),
]);

/** Prepares the sign-in to Google. Asks nobody yet. */
export async function prepareSignIn(settings: ProviderSettings<GceConfiguration>): Promise<GetAuthHeaders> {
  const { GoogleAuth } = await loadPackage('google-auth-library', () => import('google-auth-library'));
  const credentials = readGivenCredentials(settings);
  const keyFilename = settings.configuration.credentials_file ?? settings.env['GOOGLE_APPLICATION_CREDENTIALS'];
  const auth = new GoogleAuth({
    scopes: SCOPE,
    projectId: settings.configuration.project,
    ...(credentials === undefined ? (keyFilename === undefined ? {} : { keyFilename }) : { credentials }),
  });
  return async (signal) => {
    const headers = await raceAbort(signal, () => auth.getRequestHeaders()).catch((error: unknown) => {
      signal.throwIfAborted();
      throw signInError(settings.name, error);
    });
    return Object.fromEntries([...headers].filter(([name]) => HEADERS.includes(name)));
  };
}

function readGivenCredentials(
  settings: ProviderSettings<GceConfiguration>,
): z.infer<typeof givenCredentials> | undefined {
  if (settings.credentials === undefined) return undefined;
  const parsed = givenCredentials.safeParse(settings.credentials);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  // The message of zod names the field, never its value.
  throw new FactoryError(
    'InvalidParameter',
    `the credentials for provider ${settings.name} are not a key of Google Cloud: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    { hint: 'give the JSON file of a service account’s key, or of gcloud auth application-default login' },
  );
}

function signInError(provider: string, error: unknown): FactoryError {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_MESSAGE);
  const status = readStatus(error);
  const isRefused = status !== undefined && status >= 400 && status < 500 && status !== 429;
  const isMissing = /default credentials|ENOENT|no such file|JSON/i.test(message);
  if (isRefused || isMissing) {
    return new FactoryError('AuthenticationFailed', `provider ${provider}: Google refused the sign-in: ${message}`, {
      hint: 'check credentials_file of the provider, GOOGLE_APPLICATION_CREDENTIALS, or the service account of the machine',
      cause: error,
    });
  }
  return new FactoryError('CloudUnavailable', `provider ${provider}: the sign-in to Google failed: ${message}`, {
    retryable: true,
    cause: error,
  });
}

function readStatus(error: unknown): number | undefined {
  const parsed = z.object({ response: z.object({ status: z.number() }) }).safeParse(error);
  return parsed.success ? parsed.data.response.status : undefined;
}
