import { type ErrorType, FactoryError, type FactoryErrorOptions } from '../../domain/errors.js';
import { readRetryAfter, transportError } from '../../http/http-errors.js';

/** The parts of an error of the SDK that we read. */
interface SdkError extends Error {
  Code?: string;
  $metadata?: { httpStatusCode?: number; requestId?: string };
  $response?: { headers?: Record<string, string> };
}

/** What was asked of S3, for messages: the name of the call, and the permission that it needs. */
export interface S3Call {
  name: string;
  permission: string;
  /** The bucket, with the key if there is one. */
  target: string;
  endpoint: string;
}

/** Codes of wrong or expired credentials: "Error responses" in Amazon's S3 API reference. */
const CREDENTIALS = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'TokenRefreshRequired',
  'RequestTimeTooSkewed',
  'RequestExpired',
]);
const BUSY = new Set(['SlowDown', 'Throttling', 'ThrottlingException', 'TooManyRequests', 'RequestLimitExceeded']);
/** The last is that of MinIO, the others are those of Ceph's gateway. */
const FULL = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull']);
const REGION = new Set(['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException']);

/** Returns the code of an error of S3, or of the SDK: `NoSuchKey`. */
export function s3Code(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { Code, name } = error as SdkError;
  return Code ?? name;
}

/** Returns the HTTP status of an error of S3. Undefined when S3 has not answered. */
export function s3Status(error: unknown): number | undefined {
  return error instanceof Error ? (error as SdkError).$metadata?.httpStatusCode : undefined;
}

/** Makes the error for people from one of the SDK. */
export function toS3Error(call: S3Call, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const { $metadata, $response, message } = error as SdkError;
  const code = s3Code(error) ?? 'Error';
  const status = $metadata?.httpStatusCode;
  if (/CredentialsProviderError|TokenProviderError/.test(code)) {
    return new FactoryError('AuthenticationFailed', `there are no credentials for ${call.target}: ${message}`, {
      cause: error,
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the worker, or `profile` of the provider',
    });
  }
  if (status === undefined || $response === undefined)
    return transportError({ service: 'S3', method: call.name, url: call.endpoint }, error);
  const { type, ...options } = classify(code, status, call);
  // A proxy's own page has no code that we could show.
  const words = message.includes('parse error')
    ? `${status}): the answer is not one of S3`
    : `${status} ${code}): ${message}`;
  return new FactoryError(type, `S3 refused ${call.name} of ${call.target} (${words}`, {
    ...options,
    status,
    requestId: $metadata?.requestId,
    retryAfterSeconds: readRetryAfter($response.headers ?? {}) || undefined,
    cause: error,
  });
}

function classify(code: string, status: number, call: S3Call): FactoryErrorOptions & { type: ErrorType } {
  if (BUSY.has(code) || status === 429) return { type: 'RateLimited', retryable: true };
  if (FULL.has(code) || status === 507)
    return { type: 'QuotaExceeded', retryable: true, hint: 'delete old images in the bucket, or raise its quota' };
  if (CREDENTIALS.has(code) || status === 401) {
    return {
      type: 'AuthenticationFailed',
      hint: code.startsWith('RequestTime')
        ? 'set the clock of the worker’s machine'
        : 'check that the access key is correct and has not expired',
    };
  }
  if (REGION.has(code) || status === 301)
    return { type: 'BadRequest', hint: 'set `region` of the provider to the region of the bucket' };
  if (code === 'NoSuchBucket') return { type: 'NotFound', hint: 'create the bucket, or correct `url` of the provider' };
  if (status === 403) return { type: 'Forbidden', hint: `the access key needs the permission ${call.permission}` };
  if (status === 404) return { type: 'NotFound' };
  // Another write of the same key was in progress. Amazon asks to send the call again.
  if (status === 409) return { type: 'CloudUnavailable', retryable: true };
  if (status === 503) return { type: 'RateLimited', retryable: true };
  if (status === 408 || code === 'RequestTimeout' || (status >= 500 && status !== 501))
    return { type: 'CloudUnavailable', retryable: true };
  // The bytes changed on the way.
  if (code === 'BadDigest' || code === 'InvalidDigest') return { type: 'CloudUnavailable', retryable: true };
  return { type: 'BadRequest' };
}
