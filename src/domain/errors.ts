/**
 * Every failure of a build has one of these types. They are Temporal's `ApplicationFailure` types as well, so they are
 * part of the recorded history: never rename one.
 */
export type ErrorType =
  // what the user gave
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
  // waiting
  | 'DeadlineExceeded'
  | 'InstallSilent'
  | 'InstallFailed'
  // the guest
  | 'GuestUnreachable'
  | 'GuestLoginRefused'
  | 'HostKeyMismatch'
  | 'CommandFailed'
  | 'CommandInterrupted'
  // this side
  | 'StoreFailed'
  // a build that was reset: to a moment in the life of what has gone since, or though it had completed
  | 'LostByReset'
  | 'AlreadyBuilt'
  | 'Canceled'
  | 'Internal';

/** How a failure is to be treated (law 6: errors are classed where they arise, nobody parses a message). */
export interface FactoryErrorOptions {
  /** May the same call succeed later without anybody changing anything? Default false. */
  retryable?: boolean;
  /** Seconds to wait before the next try, where the service said so (`Retry-After`). */
  retryAfterSeconds?: number;
  /** What the user can do about it: one sentence, printed below the message. */
  hint?: string;
  /** OpenStack's request id (`x-openstack-request-id`), for the cloud's operators. */
  requestId?: string;
  /** HTTP status of the answer, where there was one. */
  status?: number;
  /** The last lines of the instance's console. */
  consoleTail?: string;
  cause?: unknown;
}

/** A failure that is meant to be read by a person: the message says what failed and what the other side said. */
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

/** The same failure, of which whoever called knows that another try may well succeed. */
export function asRetryable(error: FactoryError): FactoryError {
  const { type, message, hint, requestId, status, consoleTail } = error;
  return new FactoryError(type, message, { retryable: true, hint, requestId, status, consoleTail, cause: error });
}
