import { type ErrorType, FactoryError, type FactoryErrorOptions } from '../../domain/errors.js';
import { readRetryAfter } from '../../http/http-errors.js';

/** The parts of the SDK's errors that we read. The SDK has a class for some codes, and none for most. */
interface SdkError extends Error {
  code?: unknown;
  Reason?: unknown;
  $metadata?: { httpStatusCode?: number; requestId?: string };
  $response?: { statusCode?: number; headers?: Record<string, string> };
}

type ErrorClass = Pick<FactoryErrorOptions, 'retryable' | 'hint'> & { type: ErrorType };

const CREDENTIALS: ErrorClass = {
  type: 'AuthenticationFailed',
  hint: 'check the access key, the secret key and, for temporary ones, the session token',
};
const EXPIRED: ErrorClass = {
  type: 'AuthenticationFailed',
  hint: 'the credentials have expired: get new ones (`aws sso login`), or check the clock of the worker’s machine',
};
const BUSY: ErrorClass = { type: 'RateLimited', retryable: true };
const QUOTA: ErrorClass = {
  type: 'QuotaExceeded',
  retryable: true,
  hint: 'delete unused snapshots and AMIs, or ask for a larger quota in Service Quotas',
};
const DISABLED: ErrorClass = {
  type: 'Forbidden',
  hint: 'the account may not use EC2 in this region: enable the region, or ask the account’s owner',
};

/** Codes that mean one thing whichever call they answer: EC2's "Error codes", EBS direct's "Common errors". */
const CODES: Readonly<Record<string, ErrorClass>> = {
  AuthFailure: CREDENTIALS,
  IncompleteSignature: CREDENTIALS,
  InvalidAccessKeyId: CREDENTIALS,
  InvalidClientTokenId: CREDENTIALS,
  InvalidSignatureException: CREDENTIALS,
  MissingAuthenticationToken: CREDENTIALS,
  MissingAuthenticationTokenException: CREDENTIALS,
  SignatureDoesNotMatch: CREDENTIALS,
  UnrecognizedClientException: CREDENTIALS,
  CredentialsProviderError: {
    type: 'AuthenticationFailed',
    hint: 'the worker has no credentials of AWS: set AWS_PROFILE or the keys, or give the instance a role',
  },
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  RequestExpired: EXPIRED,
  TokenProviderError: EXPIRED,
  Blocked: DISABLED,
  OptInRequired: DISABLED,
  PendingVerification: DISABLED,
  ConcurrentLimitExceededException: BUSY,
  RequestLimitExceeded: BUSY,
  RequestThrottled: BUSY,
  RequestThrottledException: BUSY,
  SlowDown: BUSY,
  Throttling: BUSY,
  ThrottlingException: BUSY,
  TooManyRequestsException: BUSY,
  ServiceQuotaExceededException: QUOTA,
  ConflictException: { type: 'Conflict' },
  IdempotentParameterMismatch: { type: 'Conflict' },
  'InvalidAMIName.Duplicate': { type: 'Conflict' },
  'InvalidSnapshot.InUse': { type: 'Conflict' },
  ResourceNotFoundException: { type: 'NotFound' },
  'InvalidAMIID.Unavailable': { type: 'NotFound' },
};

/** EC2 adds this to a refusal. It is some thousand characters long, and only its account can read it. */
const ENCODED_REFUSAL = /\s*Encoded authorization failure message:.*$/s;
/** EC2 adds this to a wrong signature: the request's headers, with the session token among them. */
const SIGNED_HEADERS = /\s*The (?:Canonical String|String-to-Sign)\b.*$/is;
/** How the SDK's message ends when an answer is no XML or JSON. */
const SDK_ADVICE = /Deserialization error: to see the raw response/;
/** Codes of Node for a connection that failed. */
const CONNECTION_CODES = /^(E[A-Z]+|CERT_.*|UNABLE_TO_.*|SELF_SIGNED_.*|DEPTH_ZERO_.*|ERR_TLS.*|ERR_SSL.*)$/;
const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS|ERR_SSL)/;

/**
 * Makes a FactoryError from what the SDK has thrown.
 *
 * @param service "EC2 in eu-west-1 (provider aws)"
 * @param action the permission that the call needs, as policies name it: `ec2:RegisterImage`
 */
export function toFactoryError(service: string, action: string, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const sdk = (error instanceof Error ? error : new Error(String(error))) as SdkError;
  const status = sdk.$metadata?.httpStatusCode ?? sdk.$response?.statusCode;
  const retryAfterSeconds = readRetryAfter(sdk.$response?.headers ?? {});
  const { type, retryable, hint } = classify(action, sdk, status);
  const unanswered = type === 'AuthenticationFailed' ? 'was not asked for' : 'did not answer';
  const verb = status === undefined ? unanswered : status >= 500 ? 'failed on' : 'refused';
  const isOtherAnswer = SDK_ADVICE.test(sdk.message);
  const words = isOtherAnswer ? 'the answer is not one that its API documents' : sdk.message;
  const said = words.replace(ENCODED_REFUSAL, '').replace(SIGNED_HEADERS, '').trim() || 'it gave no reason';
  const where = status === undefined ? '' : ` (${[status, ...(isOtherAnswer ? [] : [sdk.name])].join(' ')})`;
  return new FactoryError(type, `${service} ${verb} ${action}${where}: ${said}`, {
    retryable,
    hint,
    status,
    retryAfterSeconds,
    requestId: sdk.$metadata?.requestId,
    cause: SIGNED_HEADERS.test(sdk.message) ? Object.assign(new Error(said), { name: sdk.name }) : error,
  });
}

function classify(action: string, error: SdkError, status: number | undefined): ErrorClass {
  const { name, message } = error;
  // The service has computed another checksum of a block: it was damaged on its way. EBS calls that a wrong signature.
  // And a body that ends too early is "invalid" to it.
  if (/x-amz-checksum does not match/i.test(message) || /failed to read block data/i.test(message)) {
    return { type: 'CloudUnavailable', retryable: true };
  }
  const known = CODES[name];
  if (known !== undefined) return known;
  if (/^(UnauthorizedOperation|AccessDenied|AccessDeniedException)$/.test(name)) {
    const missing = /not authorized to perform: ([\w-]+:\w+)/.exec(message)?.[1] ?? action;
    return { type: 'Forbidden', hint: `the permission ${missing} is missing: add it to the policy of the worker` };
  }
  if (/LimitExceeded$/.test(name)) return QUOTA;
  if (/\.NotFound$/.test(name)) return { type: 'NotFound' };
  if (status === undefined) return classifyConnection(error);
  if (status === 429) return BUSY;
  // A page of a proxy, or an answer that was cut.
  if (status >= 500 || status === 408 || status < 300) return { type: 'CloudUnavailable', retryable: true };
  if (status === 401) return CREDENTIALS;
  return { type: status === 403 ? 'Forbidden' : status === 404 ? 'NotFound' : 'BadRequest' };
}

function classifyConnection(error: SdkError): ErrorClass {
  const code = typeof error.code === 'string' ? error.code : '';
  if (CERTIFICATE_CODES.test(code)) {
    return { type: 'CloudUnavailable', hint: 'name the certificate authority of the endpoint: `ca` of the provider' };
  }
  if (code === 'ENOTFOUND') {
    return {
      type: 'CloudUnavailable',
      retryable: true,
      hint: 'check `region` and `endpoints` of the provider, and whether the worker’s machine resolves names',
    };
  }
  const isConnection =
    CONNECTION_CODES.test(code) || error.name === 'TimeoutError' || /socket|aborted|timed out/i.test(error.message);
  return isConnection ? { type: 'CloudUnavailable', retryable: true } : { type: 'Internal' };
}

/** Whether a call has failed with one of these codes of AWS. */
export function hasCode(error: unknown, ...codes: string[]): error is FactoryError {
  return error instanceof FactoryError && error.cause instanceof Error && codes.includes(error.cause.name);
}
