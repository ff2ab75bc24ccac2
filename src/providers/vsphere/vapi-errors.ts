import { z } from 'zod';
import { type ErrorType, FactoryError, type FactoryErrorOptions } from '../../domain/errors.js';
import { type ApiCall, type ErrorResponse, readRetryAfter, responseError } from '../../http/http-errors.js';

/** A message of vCenter. */
export const messageSchema = z.object({ default_message: z.string().optional(), id: z.string().optional() });

/** Writes messages of vCenter as one text. */
export function formatMessages(messages: readonly z.infer<typeof messageSchema>[]): string {
  const texts = messages.flatMap((message) => message.default_message ?? message.id ?? []);
  return texts.join('; ') || 'it gave no reason';
}

const errorSchema = z.object({ error_type: z.string(), messages: z.array(messageSchema).default([]) });

/** An error that the REST API of vCenter has answered. */
export class VapiError extends FactoryError {
  constructor(
    type: ErrorType,
    message: string,
    options: FactoryErrorOptions,
    /** What vCenter calls it: `NOT_FOUND`, `RESOURCE_BUSY`. */
    readonly errorType: string,
  ) {
    super(type, message, options);
  }
}

/** The standard errors of vAPI; every other one is BadRequest. */
const TYPES: Readonly<Record<string, { type: ErrorType; retryable?: boolean }>> = {
  UNAUTHENTICATED: { type: 'AuthenticationFailed' },
  UNAUTHORIZED: { type: 'Forbidden' },
  NOT_FOUND: { type: 'NotFound' },
  ALREADY_EXISTS: { type: 'Conflict' },
  ALREADY_IN_DESIRED_STATE: { type: 'Conflict' },
  NOT_ALLOWED_IN_CURRENT_STATE: { type: 'Conflict' },
  RESOURCE_IN_USE: { type: 'Conflict' },
  UNABLE_TO_ALLOCATE_RESOURCE: { type: 'QuotaExceeded', retryable: true },
  CONCURRENT_CHANGE: { type: 'CloudUnavailable', retryable: true },
  RESOURCE_BUSY: { type: 'CloudUnavailable', retryable: true },
  RESOURCE_INACCESSIBLE: { type: 'CloudUnavailable', retryable: true },
  SERVICE_UNAVAILABLE: { type: 'CloudUnavailable', retryable: true },
  TIMED_OUT: { type: 'CloudUnavailable', retryable: true },
  INTERNAL_SERVER_ERROR: { type: 'CloudUnavailable', retryable: true },
  ERROR: { type: 'CloudUnavailable', retryable: true },
};

/**
 * Creates the error for an answer whose status is not 2xx.
 *
 * @param privilege the privilege that the call needs, for the hint when it is missing
 */
export function vapiError(call: ApiCall, answer: ErrorResponse, privilege: string | undefined): FactoryError {
  const parsed = errorSchema.safeParse(parseJson(answer.body));
  if (!parsed.success) return responseError(call, answer);
  const { error_type: errorType, messages } = parsed.data;
  const { type, retryable } = TYPES[errorType] ?? { type: 'BadRequest' as const };
  const words = `${errorType}: ${formatMessages(messages)}`;
  const path = new URL(call.url).pathname;
  const options = {
    retryable,
    status: answer.status,
    retryAfterSeconds: readRetryAfter(answer.headers),
    hint: findHint(type, privilege),
  };
  return new VapiError(type, `${call.service} refused ${call.method} ${path} (${words})`, options, errorType);
}

function findHint(type: ErrorType, privilege: string | undefined): string | undefined {
  if (type === 'AuthenticationFailed') return 'check the user and the password';
  if (type !== 'Forbidden') return undefined;
  return privilege === undefined
    ? 'the role of the user does not allow this'
    : `add the privilege ${privilege} to the role of the user, as a global permission or on the library`;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
