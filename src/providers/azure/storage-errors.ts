import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { type ApiCall, responseError, transportError } from '../../http/http-errors.js';

/** What the errors of `@azure/storage-blob` have, as far as they have it. */
const failureSchema = z.object({
  statusCode: z.number().optional(),
  code: z.string().optional(),
  message: z.string().default(''),
  details: z.looseObject({ message: z.string().optional(), errorCode: z.string().optional() }).optional(),
  request: z.looseObject({ method: z.string(), url: z.string() }).optional(),
  response: z.looseObject({ headers: z.custom<Iterable<[string, string]>>().optional() }).optional(),
});

/** What users can do about the errors of the storage, by their codes. */
const HINTS: Readonly<Record<string, string>> = {
  AuthorizationPermissionMismatch:
    'give the identity the role Storage Blob Data Contributor on the container; it takes some minutes to work',
  AuthorizationFailure: 'let the worker’s address through the firewall of the storage account',
  KeyBasedAuthenticationNotPermitted: 'leave storage.key_file out: the account takes no keys',
  ContainerNotFound: 'make it: az storage container create --name NAME --account-name ACCOUNT --auth-mode login',
  BlobTypeNotSupported: 'use a general-purpose account: others have no page blobs',
  FeatureNotSupportedForAccount: 'use a general-purpose account without hierarchical namespace',
};

/** Reads the code of an error of the storage: `BlobAlreadyExists`. */
export function storageCode(error: unknown): string | undefined {
  const { code, details } = failureSchema.safeParse(error).data ?? {};
  return details?.errorCode ?? code;
}

/** Makes a FactoryError of an error that the SDK for blobs has thrown. */
export function storageError(account: string, endpoint: string, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const failure = failureSchema.safeParse(error).data;
  const call: ApiCall = {
    service: `storage account ${account}`,
    method: failure?.request?.method ?? 'GET',
    url: failure?.request?.url ?? endpoint,
  };
  if (failure?.statusCode === undefined) return transportError(call, error);
  const code = storageCode(error) ?? '';
  // The lines after the first have the request's id and the time.
  const words = (failure.details?.message ?? failure.message).split('\n')[0] ?? '';
  const answer = responseError(call, {
    status: failure.statusCode,
    headers: Object.fromEntries(failure.response?.headers ?? []),
    body: JSON.stringify({ message: code === '' ? words : `${code}: ${words}` }),
  });
  const { type, message, retryable, retryAfterSeconds, requestId, status } = answer;
  // What is being deleted is gone soon; a page whose bytes arrived wrong is sent again.
  // Azure has a lease on a blob while it makes an image from it.
  const passes = retryable || code.endsWith('BeingDeleted') || ['Md5Mismatch', 'LeaseIdMissing'].includes(code);
  const hint = HINTS[code] ?? answer.hint;
  return new FactoryError(type, message, {
    retryable: passes,
    retryAfterSeconds,
    requestId,
    status,
    hint,
    cause: error,
  });
}
