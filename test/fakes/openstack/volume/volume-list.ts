import { ApiError, type Call, type Reply } from '../core/http.js';
import { isFields, asTextMap } from '../core/values.js';
import type { CloudState, FakeVolume } from '../state.js';
import { briefVolume, volumeView } from './volume-view.js';

/** The default value of Cinder's option `osapi_max_limit`. */
const LARGEST_LIMIT = 1000;

/**
 * Lists volumes, one page per call, the newest first:
 * https://docs.openstack.org/api-ref/block-storage/v3/#list-accessible-volumes-with-details
 */
export function listVolumes(state: CloudState, call: Call, detailed: boolean): Reply {
  const { query, endpoint } = call;
  const found = [...state.volumes.values()].reverse().filter((volume) => matches(volume, query));
  const start = findStart(state, found, query.get('marker'));
  const limit = readLimit(query.get('limit'));
  const page = found.slice(start, start + limit);
  const volumes = page.map((volume) => (detailed ? volumeView : briefVolume)(state, volume, endpoint));
  const last = page.at(-1);
  if (last === undefined || page.length < limit) return { status: 200, json: { volumes } };
  const next = new URLSearchParams(query);
  next.set('marker', last.id);
  const links = [{ rel: 'next', href: `${endpoint}${call.path}?${next.toString()}` }];
  return { status: 200, json: { volumes, volumes_links: links } };
}

function matches(volume: FakeVolume, query: URLSearchParams): boolean {
  const name = query.get('name');
  const status = query.get('status');
  if (name !== null && volume.name !== name) return false;
  if (status !== null && volume.status !== status) return false;
  return Object.entries(readMetadataFilter(query)).every(([key, value]) => volume.metadata[key] === value);
}

/** Reads the pairs of the filter `metadata`. Clients send the pairs as JSON or as a Python dict. */
function readMetadataFilter(query: URLSearchParams): Record<string, string> {
  const given = query.get('metadata');
  if (given === null) return {};
  const pairs: unknown = JSON.parse(given.includes('"') ? given : given.replaceAll("'", '"'));
  return isFields(pairs) ? asTextMap(pairs) : {};
}

function findStart(state: CloudState, found: FakeVolume[], marker: string | null): number {
  if (marker === null) return 0;
  if (!state.volumes.has(marker)) throw new ApiError(404, `Volume ${marker} could not be found.`);
  return found.findIndex(({ id }) => id === marker) + 1;
}

function readLimit(given: string | null): number {
  if (given === null) return LARGEST_LIMIT;
  if (!/^-?\d+$/.test(given)) throw new ApiError(400, 'limit param must be an integer');
  if (Number(given) < 0) throw new ApiError(400, 'limit param must be positive');
  return Math.min(Number(given), LARGEST_LIMIT);
}
