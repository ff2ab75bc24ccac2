import type { ProviderCall, ProviderReply } from '../provider-server.js';

/** The account of the fake's credentials. */
export const ACCOUNT = 'builder@fake-project.iam.gserviceaccount.com';

export function json(body: unknown, status = 200): ProviderReply {
  return { status, headers: { 'content-type': 'application/json; charset=UTF-8' }, body: JSON.stringify(body) };
}

/** An error as Google's JSON APIs write it: the reason says more than the status. */
export function refusal(status: number, reason: string, message: string): ProviderReply {
  return json({ error: { code: status, message, errors: [{ message, domain: 'global', reason }] } }, status);
}

/** Names the fields of a body that an API does not know: it refuses them. */
export function unknownFields(body: Record<string, unknown>, known: readonly string[]): ProviderReply | undefined {
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown === undefined) return undefined;
  return refusal(400, 'badRequest', `Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`);
}

export function readJson(call: ProviderCall): Record<string, unknown> {
  return JSON.parse(call.body.toString('utf8') || '{}') as Record<string, unknown>;
}

/** A page of a list: the API gives at most `size` items, and a token for the rest. */
export function page<T>(call: ProviderCall, all: readonly T[], size: number): ProviderReply {
  const start = Number(call.query.get('pageToken') ?? 0);
  const limit = Math.min(size, Number(call.query.get('maxResults') ?? size));
  const items = all.slice(start, start + limit);
  const rest = start + limit < all.length ? { nextPageToken: String(start + limit) } : {};
  // Google leaves out an empty list.
  return json({ ...(items.length === 0 ? {} : { items }), ...rest });
}
