import { ApiError, type Call, type Reply } from '../core/http.js';
import type { Fields } from '../core/values.js';
import type { CloudState, FakeImage } from '../state.js';
import { imageView } from './image-view.js';

const SORT_KEYS = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at'];
const PAGING = new Set([
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'tag',
  'size_min',
  'size_max',
  'member_status',
]);
/** The default values of Glance's options `limit_param_default` and `api_limit_max`. */
const DEFAULT_LIMIT = 25;
const LARGEST_LIMIT = 1000;

/** Lists images: https://docs.openstack.org/api-ref/image/v2/#list-images */
export function listImages(state: CloudState, call: Call): Reply {
  const { query } = call;
  const sorted = sortImages(
    [...state.images.values()].map((image) => imageView(state, image)),
    query,
  ).filter((view) => matches(view, query));
  const limit = readLimit(query);
  const start = findStart(state, sorted, query.get('marker'));
  const page = sorted.slice(start, start + limit);
  const last = page.at(-1);
  const more = limit > 0 && start + limit < sorted.length && last !== undefined;
  const next = new URLSearchParams(query);
  if (more) next.set('marker', String(last['id']));
  return {
    status: 200,
    json: {
      images: page,
      first: withQuery(withoutMarker(query)),
      ...(more ? { next: withQuery(next) } : {}),
      schema: '/v2/schemas/images',
    },
  };
}

function withQuery(query: URLSearchParams): string {
  return query.size === 0 ? '/v2/images' : `/v2/images?${query.toString()}`;
}

function withoutMarker(query: URLSearchParams): URLSearchParams {
  const copy = new URLSearchParams(query);
  copy.delete('marker');
  return copy;
}

function readLimit(query: URLSearchParams): number {
  const given = query.get('limit');
  if (given === null) return DEFAULT_LIMIT;
  if (!/^-?\d+$/.test(given)) throw new ApiError(400, 'limit param must be an integer');
  if (Number(given) < 0) throw new ApiError(400, 'limit param must be positive');
  return Math.min(Number(given), LARGEST_LIMIT);
}

function findStart(state: CloudState, sorted: Fields[], marker: string | null): number {
  if (marker === null) return 0;
  if (!state.images.has(marker)) throw new ApiError(400, `No image found with ID ${marker}`);
  return sorted.findIndex((view) => view['id'] === marker) + 1;
}

function sortImages(views: Fields[], query: URLSearchParams): Fields[] {
  const keys = (
    query.get('sort')?.split(',') ?? query.getAll('sort_key').map((key) => `${key}:${query.get('sort_dir') ?? 'desc'}`)
  ).map((part) => part.split(':') as [string, string | undefined]);
  for (const [key] of keys) {
    if (!SORT_KEYS.includes(key)) {
      throw new ApiError(400, `Invalid sort key: ${key}. It must be one of the following: ${SORT_KEYS.join(', ')}.`);
    }
  }
  const order = keys.length === 0 ? [['created_at', 'desc'] as [string, string]] : keys;
  // Among images with equal keys, the newest comes first. We use the order of creation, because `created_at` has whole
  // seconds.
  return [...views].reverse().sort((one, other) => {
    for (const [key, direction] of order) {
      const compared = compare(one[key], other[key]);
      if (compared !== 0) return direction === 'asc' ? compared : -compared;
    }
    return 0;
  });
}

function compare(one: unknown, other: unknown): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  const [left, right] = [String(one), String(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function matches(view: Fields, query: URLSearchParams): boolean {
  const tags = view['tags'] as FakeImage['tags'];
  if (!query.getAll('tag').every((tag) => tags.includes(tag))) return false;
  if (query.has('size_min') && Number(view['size'] ?? 0) < Number(query.get('size_min'))) return false;
  if (query.has('size_max') && Number(view['size'] ?? 0) > Number(query.get('size_max'))) return false;
  if (!query.has('os_hidden') && view['os_hidden'] === true) return false;
  if (!query.has('visibility') && view['visibility'] === 'community') return false;
  return [...query].every(([key, wanted]) => PAGING.has(key) || matchesOne(view[key], wanted));
}

function matchesOne(value: unknown, wanted: string): boolean {
  if (typeof value === 'boolean') return wanted.toLowerCase() === String(value);
  if (wanted.startsWith('in:')) return wanted.slice(3).split(',').includes(String(value));
  return value !== undefined && value !== null && String(value) === wanted;
}
