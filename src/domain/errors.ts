/**
 * The types of all failures of a build. They are also the types of Temporal's `ApplicationFailure`, and therefore part
 * of recorded histories: never rename one.
 */
export type ErrorType =
  // the user's input
  | 'InvalidTemplate'
  | 'InvalidInstallScript'
  | 'InvalidParameter'
  | 'UnsupportedOs'
  // installer media
  | 'MediaUnavailable'
  | 'ChecksumMismatch'
  | 'SignatureInvalid'
  // the cloud
  | 'UnknownCloud'
  | 'AuthenticationFailed'
  | 'Forbidden'
  | 'NotFound'
  | 'BadRequest'
  | 'Conflict'
  | 'QuotaExceeded'
  | 'RateLimited'
  | 'CloudUnavailable'
  | 'ServerFailed'
  | 'ServerGone'
  | 'ImageFailed'
  | 'VolumeFailed'
  // timeouts
  | 'DeadlineExceeded'
  | 'InstallSilent'
  | 'InstallFailed'
  // the guest
  | 'GuestUnreachable'
  | 'GuestLoginRefused'
  | 'HostKeyMismatch'
  | 'CommandFailed'
  | 'CommandInterrupted'
  // the worker
  | 'StoreFailed'
  // a workflow reset: the build needs a resource that no longer exists, or it had completed already
  | 'LostByReset'
  | 'AlreadyBuilt'
  | 'Canceled'
  | 'Internal';

/**
 * What a FactoryError carries besides its type and its message. The code that sees the failure sets these fields (law 6
 * in docs/architecture.md), so that no other code has to parse a message.
 */
export interface FactoryErrorOptions {
  /** Whether the same call may succeed later without any change. Default false. */
  retryable?: boolean;
  /** Seconds to wait before the next attempt, if the service has sent them (`Retry-After`). */
  retryAfterSeconds?: number;
  /** One sentence that tells the user what to do; printed below the message. */
  hint?: string;
  /** OpenStack's request id (`x-openstack-request-id`), for the cloud's operators. */
  requestId?: string;
  /** HTTP status of the response, if there was one. */
  status?: number;
  /** The last lines of the instance's console. */
  consoleTail?: string;
  cause?: unknown;
}

/** What an error carries besides its message. */
export interface ErrorDetails {
  /** What the user can do next, in one sentence. Unset when there is no advice. */
  hint?: string | undefined;
  /** The error that led to this one. */
  cause?: unknown;
}

/** Base class of every error that is thrown on purpose. Programs catch it to tell an expected failure from a defect. */
export class ImageFactoryError<Type extends string = string> extends Error {
  override readonly name: string = 'ImageFactoryError';
  /** What the user can do about the error, in one sentence. Undefined when there is no advice. */
  readonly hint: string | undefined;

  constructor(
    /** Kind of the error, for programs. */
    readonly type: Type,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.hint = details.hint;
  }
}

/** A failure whose message tells users what failed and what the other side answered. */
export class FactoryError extends ImageFactoryError<ErrorType> {
  override readonly name = 'FactoryError';
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly requestId: string | undefined;
  readonly status: number | undefined;
  readonly consoleTail: string | undefined;

  constructor(type: ErrorType, message: string, options: FactoryErrorOptions = {}) {
    super(type, message, options);
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.requestId = options.requestId;
    this.status = options.status;
    this.consoleTail = options.consoleTail;
  }
}

/** Copies an error and makes it retryable, when the caller knows that another attempt may succeed. */
export function asRetryable(error: FactoryError): FactoryError {
  const { type, message, hint, requestId, status, consoleTail } = error;
  return new FactoryError(type, message, { retryable: true, hint, requestId, status, consoleTail, cause: error });
}
