import { ApiError, type Call, type Reply } from '../core/http.js';
import { splitCsv, type Fields } from '../core/values.js';

const PAGING = new Set([
  'limit',
  'marker',
  'page_reverse',
  'sort_key',
  'sort_dir',
  'fields',
  'tags',
  'tags-any',
  'not-tags',
  'not-tags-any',
]);

/** The checks of filters that do not simply compare the attribute of the same name. */
const SPECIAL: Record<string, (view: Fields, wanted: string) => boolean> = {
  fixed_ips: (view, wanted) => {
    const [key = '', value] = wanted.split('=');
    return (view['fixed_ips'] as Fields[]).some((fixed) => fixed[key] === value);
  },
};

/**
 * Builds the reply to a list call, as Neutron does. A resource must match all filters. If a filter is repeated with
 * several values, the resource must match one of them.
 */
export function listReply(call: Call, collection: string, views: Fields[], attributes: string[]): Reply {
  const { query } = call;
  const unknown = [...query.keys()].filter(
    (key) => !PAGING.has(key) && !attributes.includes(key) && SPECIAL[key] === undefined,
  );
  if (unknown.length > 0) {
    throw new ApiError(400, `[${unknown.map((key) => `'${key}'`).join(', ')}] is invalid attribute for filtering`);
  }
  const found = views.filter((view) => matches(view, query));
  const marker = query.get('marker');
  const start = marker === null ? 0 : found.findIndex((view) => view['id'] === marker) + 1;
  const limit = Number(query.get('limit') ?? 0) || found.length;
  const page = found.slice(start, start + limit);
  const json: Fields = { [collection]: page.map((view) => selectFields(view, query.getAll('fields'))) };
  const last = page.at(-1);
  if (start + limit < found.length && last !== undefined) {
    const next = new URLSearchParams(query);
    next.set('marker', String(last['id']));
    json[`${collection}_links`] = [{ rel: 'next', href: `${call.endpoint}${call.path}?${next.toString()}` }];
  }
  return { status: 200, json };
}

function matches(view: Fields, query: URLSearchParams): boolean {
  const tags = (view['tags'] as string[] | undefined) ?? [];
  if (!splitCsv(query.getAll('tags')).every((tag) => tags.includes(tag))) return false;
  const any = splitCsv(query.getAll('tags-any'));
  if (any.length > 0 && !any.some((tag) => tags.includes(tag))) return false;
  for (const key of new Set(query.keys())) {
    if (PAGING.has(key)) continue;
    const special = SPECIAL[key];
    const isWanted = (wanted: string): boolean => special?.(view, wanted) ?? isEqual(view[key], wanted);
    if (!query.getAll(key).some(isWanted)) return false;
  }
  return true;
}

function isEqual(value: unknown, wanted: string): boolean {
  if (typeof value === 'boolean') return String(value) === wanted.toLowerCase() || String(Number(value)) === wanted;
  return String(value ?? '') === wanted;
}

function selectFields(view: Fields, names: string[]): Fields {
  if (names.length === 0) return view;
  return Object.fromEntries(Object.entries(view).filter(([name]) => names.includes(name)));
}
