import { AsyncLocalStorage } from 'node:async_hooks';
import type { DefaultAzureCredentialOptions } from '@azure/identity';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { transportError } from '../../http/http-errors.js';
import { loadPackage } from '../load-package.js';
import type { ProviderSettings } from '../types.js';
import type { AzureConfiguration } from './configuration.js';

/** A token, as `@azure/identity` gives it and as the SDK for blobs wants it. */
interface AccessToken {
  token: string;
  /** Milliseconds since the epoch. */
  expiresOnTimestamp: number;
}

/** What signs calls to Azure. */
export interface Credential {
  /** @throws FactoryError AuthenticationFailed, or CloudUnavailable when Microsoft Entra ID does not answer */
  getToken(scopes: string | string[], options?: { abortSignal?: AbortSignalLike }): Promise<AccessToken>;
}

/** The signal of the SDK's interfaces, which is older than that of the web. */
type AbortSignalLike = Pick<AbortSignal, 'aborted'> & {
  addEventListener(type: 'abort', listener: (this: AbortSignalLike, event: unknown) => unknown): void;
  removeEventListener(type: 'abort', listener: (this: AbortSignalLike, event: unknown) => unknown): void;
};

/** Credentials of a service principal: our own names, or what `az ad sp create-for-rbac` prints. */
const secretSchema = z.union([
  z.object({ tenant_id: z.string().min(1), client_id: z.string().min(1), client_secret: z.string().min(1) }),
  z
    .object({ tenant: z.string().min(1), appId: z.string().min(1), password: z.string().min(1) })
    .transform(({ tenant, appId, password }) => ({ tenant_id: tenant, client_id: appId, client_secret: password })),
]);

/** Finds the service principal: of the user, else of the worker's environment. Undefined: another means. */
function findSecret({ name, credentials, env }: Pick<ProviderSettings<unknown>, 'name' | 'credentials' | 'env'>) {
  if (credentials !== undefined) {
    const parsed = secretSchema.safeParse(credentials);
    if (parsed.success) return parsed.data;
    throw new FactoryError('InvalidParameter', `the credentials for provider ${name} are not those of Azure`, {
      hint: 'give tenant_id, client_id and client_secret, or the output of az ad sp create-for-rbac',
    });
  }
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET } = env;
  if (!AZURE_TENANT_ID || !AZURE_CLIENT_ID || !AZURE_CLIENT_SECRET) return undefined;
  return { tenant_id: AZURE_TENANT_ID, client_id: AZURE_CLIENT_ID, client_secret: AZURE_CLIENT_SECRET };
}

/**
 * Makes the credential: the service principal that is given or that the environment names; else what Azure's own tools
 * use, as workload identity, managed identity or the login of `az`.
 *
 * @param ca certificate authorities in PEM
 */
export async function createCredential(
  settings: ProviderSettings<AzureConfiguration>,
  ca: string | undefined,
): Promise<Credential> {
  const { login } = settings.configuration.endpoints;
  const secret = findSecret(settings);
  const identity = await loadPackage('@azure/identity', () => import('@azure/identity'));
  // Several calls ask for a token at the same time: each has a reply of its own.
  const calls = new AsyncLocalStorage<LastReply>();
  const options: DefaultAzureCredentialOptions = {
    authorityHost: login,
    // Only the public cloud knows a list of all its authorities.
    disableInstanceDiscovery: !login.startsWith('https://login.microsoftonline.com'),
    additionalPolicies: [{ policy: watchReplies(calls), position: 'perRetry' }],
    ...(ca === undefined ? {} : { tlsOptions: { ca } }),
  };
  const inner =
    secret === undefined
      ? new identity.DefaultAzureCredential(options)
      : new identity.ClientSecretCredential(secret.tenant_id, secret.client_id, secret.client_secret, {
          ...options,
          // A call without a token is repeated as a whole, by those who make it.
          retryOptions: { maxRetries: 0 },
        });
  return {
    async getToken(scopes, { abortSignal } = {}) {
      const last: LastReply = {};
      try {
        const token = await calls.run(last, () => inner.getToken(scopes, abortSignal && { abortSignal }));
        return { token: token.token, expiresOnTimestamp: token.expiresOnTimestamp };
      } catch (error) {
        throw signInError(error, { login, last, isNamed: secret !== undefined });
      }
    },
  };
}

/** What Microsoft Entra ID answered last: the errors of `@azure/identity` do not always tell it. */
interface LastReply {
  /** HTTP status. Unset when there was no answer. */
  status?: number;
  /** Why there was no answer. */
  error?: unknown;
  /**
   * Why Microsoft Entra ID itself did not answer, also when other means were tried after it. The addresses of a
   * machine's
   * identity are without TLS, and do not answer where there is none.
   */
  lost?: unknown;
}

type Policy = NonNullable<DefaultAzureCredentialOptions['additionalPolicies']>[number]['policy'];

function watchReplies(calls: AsyncLocalStorage<LastReply>): Policy {
  return {
    name: 'imagefactoryWatchReplies',
    async sendRequest(request, next) {
      const last = calls.getStore() ?? {};
      delete last.status;
      delete last.error;
      try {
        const response = await next(request);
        last.status = response.status;
        return response;
      } catch (error) {
        last.error = error;
        if (request.url.startsWith('https:')) last.lost = error;
        throw error;
      }
    },
  };
}

/** @param isNamed whether a service principal is named; else the credentials of the machine are looked for */
function signInError(
  error: unknown,
  { login, last, isNamed }: { login: string; last: LastReply; isNamed: boolean },
): FactoryError {
  if (error instanceof FactoryError) return error;
  const service = 'Microsoft Entra ID';
  const lost = isNamed ? last.error : last.lost;
  if (lost !== undefined) return transportError({ service, method: 'POST', url: login }, lost);
  const message = error instanceof Error ? error.message : String(error);
  // What follows has ids and the time, and is long.
  const said = message.split(/\r?\n|\s*Trace ID:/)[0]?.trim() ?? '';
  const { status = 0 } = last;
  if (status >= 500 || status === 429) {
    return new FactoryError('CloudUnavailable', `${service} at ${login} answered with status ${status}: ${said}`, {
      retryable: true,
      status,
      cause: error,
    });
  }
  const hint = isNamed
    ? 'check tenant, client id and secret, and whether the secret has expired'
    : 'set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of the worker, or give its machine an identity';
  return new FactoryError('AuthenticationFailed', `${service} gave no token: ${said}`, { hint, cause: error });
}
