import type { z } from 'zod';
import { type ApiCall, contentError } from './http-errors.js';

/** Parses a JSON response. @throws FactoryError CloudUnavailable, whose message names the first field that is wrong */
export function decode<T>(call: ApiCall, schema: z.ZodType<T>, body: string): T {
  const parsed = schema.safeParse(parseJson(call, body));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw contentError(call, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unreadable'}`);
}

function parseJson(call: ApiCall, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw contentError(call, 'it is not JSON');
  }
}
