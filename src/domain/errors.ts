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

/** How to treat a failure (law 6: errors are classed at the port, and no code parses a message). */
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

/** A failure with a message for users: it says what failed, and what the other side answered. */
export class FactoryError extends Error {
  override readonly name = 'FactoryError';
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;
  readonly status: number | undefined;
  readonly consoleTail: string | undefined;

  constructor(
    readonly type: ErrorType,
    message: string,
    options: FactoryErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.hint = options.hint;
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
