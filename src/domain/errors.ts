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

/** What an error carries besides its message. */
export interface ErrorDetails {
  /** What to do next: one sentence. */
  hint?: string | undefined;
  /** The error that led to this one. */
  cause?: unknown;
}

/** Base class of every error that is thrown on purpose: `catch` it to tell an expected failure from a defect. */
export class ImageFactoryError<Type extends string = string> extends Error {
  override readonly name: string = 'ImageFactoryError';
  /** What the user can do about it: one sentence. */
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

/** A failure that is meant to be read by a person: the message says what failed and what the other side said. */
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

/** The same failure, of which whoever called knows that another try may well succeed. */
export function asRetryable(error: FactoryError): FactoryError {
  const { type, message, hint, requestId, status, consoleTail } = error;
  return new FactoryError(type, message, { retryable: true, hint, requestId, status, consoleTail, cause: error });
}
