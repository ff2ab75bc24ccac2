import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { loadPackage } from '../load-package.js';
import type { ProviderSettings } from '../types.js';
import type { AzureConfiguration } from './configuration.js';

/** A token, as `@azure/identity` gives it and as the SDK for blobs wants it. */
export interface AccessToken {
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
  const options = {
    authorityHost: login,
    // Only the public cloud knows a list of all its authorities.
    disableInstanceDiscovery: !login.startsWith('https://login.microsoftonline.com'),
    ...(ca === undefined ? {} : { tlsOptions: { ca } }),
  };
  const inner =
    secret === undefined
      ? new identity.DefaultAzureCredential(options)
      : new identity.ClientSecretCredential(secret.tenant_id, secret.client_id, secret.client_secret, options);
  return {
    async getToken(scopes, { abortSignal } = {}) {
      try {
        const token = await inner.getToken(scopes, abortSignal === undefined ? {} : { abortSignal });
        return { token: token.token, expiresOnTimestamp: token.expiresOnTimestamp };
      } catch (error) {
        throw signInError(error, login);
      }
    },
  };
}

/** What the errors of `@azure/identity` have, as far as they have it. */
const failureSchema = z.object({
  name: z.string().optional(),
  statusCode: z.number().optional(),
  code: z.string().optional(),
  message: z.string().default(''),
});

function signInError(error: unknown, login: string): FactoryError {
  if (error instanceof FactoryError) return error;
  const { name = '', statusCode = 0, code = '', message } = failureSchema.parse(error);
  // The lines after the first have ids and the time.
  const said = message.split(/\r?\n|\bTrace ID:/)[0]?.trim() ?? '';
  const isRefused = /AADSTS|invalid_client|unauthorized_client|invalid_grant/i.test(message);
  const noAnswer =
    !isRefused &&
    (statusCode === 429 ||
      statusCode >= 500 ||
      /^(E[A-Z]+|REQUEST_SEND_ERROR|network_error)$/.test(code) ||
      /network_error|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|socket hang up|status(?: code)? 5\d\d/i.test(message));
  if (noAnswer) {
    return new FactoryError('CloudUnavailable', `Microsoft Entra ID at ${login} did not give a token: ${said}`, {
      retryable: true,
      cause: error,
    });
  }
  const hint =
    name === 'ClientAuthError' || isRefused
      ? 'check tenant, client id and secret, and whether the secret has expired'
      : 'set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET of the worker, or give its machine an identity';
  return new FactoryError('AuthenticationFailed', `Microsoft Entra ID gave no token: ${said}`, { hint, cause: error });
}
