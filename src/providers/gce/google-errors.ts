import { z } from 'zod';
import { type ErrorType, FactoryError } from '../../domain/errors.js';
import { type ApiCall, type ErrorResponse, responseError } from '../../http/http-errors.js';

/** What decides about an error: its type, whether the same call may succeed later, and the advice. */
interface ErrorClass {
  type: ErrorType;
  retryable?: boolean;
  hint?: string;
}

/** A used-up quota does not pass by itself, unlike a limit of calls. */
const QUOTA: ErrorClass = {
  type: 'QuotaExceeded',
  hint: 'delete unused images of the project, or ask Google for a larger quota; then resume the push',
};
const BUSY: ErrorClass = { type: 'RateLimited', retryable: true };
const FAILED: ErrorClass = { type: 'CloudUnavailable', retryable: true };

/**
 * The reasons in Google's errors that mean something else than their HTTP status: a limit of calls and a used-up quota
 * come as 403. Compute Engine writes `rateLimitExceeded` in answers, `RATE_LIMIT_EXCEEDED` in operations.
 */
const BY_REASON: Readonly<Record<string, ErrorClass>> = {
  ratelimitexceeded: BUSY,
  userratelimitexceeded: BUSY,
  operationratelimitexceeded: BUSY,
  quotaexceeded: QUOTA,
  limitexceeded: QUOTA,
  resourcenotready: { type: 'Conflict', retryable: true },
  resourceinusebyanotherresource: { type: 'Conflict' },
  internalerror: FAILED,
  backenderror: FAILED,
  accessnotconfigured: { type: 'Forbidden', hint: 'enable this API in the project: gcloud services enable' },
  servicedisabled: { type: 'Forbidden', hint: 'enable this API in the project: gcloud services enable' },
};

const errorDocument = z.object({
  error: z.object({
    errors: z.array(z.object({ reason: z.string().optional() })).optional(),
    details: z.array(z.object({ reason: z.string().optional() })).optional(),
  }),
});

/** Finds the permission that is missing, as Compute Engine and Cloud Storage name it in their messages. */
function findPermission(message: string): string | undefined {
  return /\b(?:compute|storage|resourcemanager)\.[a-zA-Z]+\.[a-zA-Z]+\b/.exec(message)?.[0];
}

function readReasons(body: string): string[] {
  try {
    const parsed = errorDocument.safeParse(JSON.parse(body));
    const { errors = [], details = [] } = parsed.data?.error ?? {};
    return [...details, ...errors].flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
  } catch {
    return [];
  }
}

function findClass(reasons: readonly string[]): ErrorClass | undefined {
  return reasons.map((reason) => BY_REASON[reason.toLowerCase().replaceAll('_', '')]).find((found) => found);
}

/** Creates the error for an answer of one of Google's APIs. */
export function googleError(call: ApiCall, answer: ErrorResponse): FactoryError {
  const error = responseError(call, answer);
  const found = findClass(readReasons(answer.body));
  const permission = error.type === 'Forbidden' ? findPermission(error.message) : undefined;
  const byPermission = permission === undefined ? undefined : hintOfPermission(permission);
  return new FactoryError(found?.type ?? error.type, error.message, {
    status: answer.status,
    retryable: found === undefined ? error.retryable : found.retryable === true,
    retryAfterSeconds: error.retryAfterSeconds,
    requestId: error.requestId,
    hint: found?.hint ?? byPermission ?? error.hint,
  });
}

export function hintOfPermission(permission: string): string {
  return `give the account a role with the permission ${permission}: docs/providers/gce.md has the role to paste`;
}

/** An error or a warning of an operation. */
export interface OperationProblem {
  code: string;
  message?: string | undefined;
}

/**
 * Creates the error for an operation that has failed.
 *
 * @param what the operation, for people: "the import of image x"
 * @param status the HTTP status that Compute Engine gives the operation
 */
export function operationError(what: string, problems: readonly OperationProblem[], status?: number): FactoryError {
  const codes = problems.map(({ code }) => code);
  const said = problems.map(({ code, message }) => (message === undefined ? code : `${code}: ${message}`)).join('; ');
  const permission = findPermission(said);
  const isForbidden = status === 403 || codes.includes('PERMISSIONS_ERROR');
  const byStatus: ErrorClass = isForbidden
    ? { type: 'Forbidden', ...(permission === undefined ? {} : { hint: hintOfPermission(permission) }) }
    : status !== undefined && status >= 500
      ? FAILED
      : { type: 'ImageFailed' };
  const { type, retryable, hint } = findClass(codes) ?? byStatus;
  return new FactoryError(type, `${what} failed: ${said === '' ? 'Compute Engine gave no reason' : said}`, {
    retryable: retryable ?? false,
    ...(hint === undefined ? {} : { hint }),
    ...(status === undefined ? {} : { status }),
  });
}
