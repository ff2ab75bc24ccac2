import type { ProviderReply } from '../provider-server.js';

/** A call that vCenter refuses, with its name of the error. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly errorType: string,
    message: string,
  ) {
    super(message);
  }
}

export const notFound = (what: string): Refusal => new Refusal(404, 'NOT_FOUND', `${what} does not exist`);
export const invalid = (what: string): Refusal => new Refusal(400, 'INVALID_ARGUMENT', what);
export const notAllowed = (what: string): Refusal => new Refusal(400, 'NOT_ALLOWED_IN_CURRENT_STATE', what);

export function jsonReply(status: number, value?: unknown): ProviderReply {
  if (value === undefined) return { status };
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

export function refusalReply({ status, errorType, message }: Refusal): ProviderReply {
  return jsonReply(status, { error_type: errorType, messages: [{ id: 'fake', default_message: message, args: [] }] });
}

/** Refuses fields that vCenter does not know. */
export function expectFields(body: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('the body is no object');
  const unknown = Object.keys(body).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(`unexpected field ${unknown}`);
  return body as Record<string, unknown>;
}

export function expectText(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '') throw invalid(`${name} is missing`);
  return value;
}
