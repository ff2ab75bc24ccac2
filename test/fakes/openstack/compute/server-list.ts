import { ApiError, type Call, type Reply } from '../core/http.js';
import { splitCsv, type Fields } from '../core/values.js';
import type { CloudState, FakeServer } from '../state.js';
import { buildLinks, serverView } from './server-view.js';

const LARGEST_LIMIT = 1000;
const KNOWN = new Set([
  'all_tenants', 'auto_disk_config', 'availability_zone', 'changes-before', 'changes-since', 'config_drive', 'deleted', 'description', 'flavor',
  'host', 'hostname', 'image', 'ip', 'ip6', 'key_name', 'limit', 'locked', 'marker', 'name', 'not-tags', 'not-tags-any', 'power_state', 'project_id',
  'reservation_id', 'sort_dir', 'sort_key', 'status', 'tags', 'tags-any', 'task_state', 'tenant_id', 'user_id', 'uuid', 'vm_state', 'soft_deleted', 'minimal',
]); // prettier-ignore
const STATUSES = ['ACTIVE', 'BUILD', 'DELETED', 'ERROR', 'HARD_REBOOT', 'MIGRATING', 'PASSWORD', 'PAUSED', 'REBOOT', 'REBUILD', 'RESCUE', 'RESIZE', 'REVERT_RESIZE', 'SHELVED', 'SHELVED_OFFLOADED', 'SHUTOFF', 'SOFT_DELETED', 'SUSPENDED', 'UNKNOWN', 'VERIFY_RESIZE']; // prettier-ignore

/** Lists servers, one page per call, the newest first: https://docs.openstack.org/api-ref/compute/#list-servers */
export function listServers(state: CloudState, call: Call, detailed: boolean): Reply {
  const { query, microversion } = call;
  const unknown = [...query.keys()].find((key) => !KNOWN.has(key));
  // From microversion 2.75 an unknown query parameter is an error.
  if (microversion >= 75 && unknown !== undefined)
    throw new ApiError(400, `'${unknown}' does not match any of the regexes: '^_'`);
  const status = query.get('status');
  if (status !== null && !STATUSES.includes(status.toUpperCase())) throw new ApiError(400, 'Invalid status value');
  const found = [...state.servers.values()].reverse().filter((server) => matches(state, server, query));
  const marker = query.get('marker');
  const start = marker === null ? 0 : found.findIndex((server) => server.id === marker) + 1;
  if (marker !== null && start === 0) throw new ApiError(400, `marker [${marker}] not found`);
  const limit = Math.min(Number(query.get('limit') ?? LARGEST_LIMIT) || LARGEST_LIMIT, LARGEST_LIMIT);
  const page = found.slice(start, start + limit);
  const servers = page.map((server) =>
    detailed ? serverView(state, server, call.endpoint, microversion) : brief(server, call.endpoint),
  );
  return { status: 200, json: { servers, ...nextLink(call, page, found.length > start + limit) } };
}

function brief(server: FakeServer, endpoint: string): Fields {
  return { id: server.id, name: server.name, links: buildLinks(endpoint, `servers/${server.id}`) };
}

function nextLink(call: Call, page: FakeServer[], more: boolean): Fields {
  const last = page.at(-1);
  if (last === undefined || (!more && !(call.query.has('limit') && page.length === Number(call.query.get('limit')))))
    return {};
  const next = new URLSearchParams(call.query);
  next.set('marker', last.id);
  return { servers_links: [{ rel: 'next', href: `${call.endpoint}${call.path}?${next.toString()}` }] };
}

function matches(state: CloudState, server: FakeServer, query: URLSearchParams): boolean {
  const wanted = splitCsv(query.getAll('tags'));
  if (!wanted.every((tag) => server.tags.includes(tag))) return false;
  const any = splitCsv(query.getAll('tags-any'));
  if (any.length > 0 && !any.some((tag) => server.tags.includes(tag))) return false;
  if (!isLike(server.name, query.get('name'))) return false;
  const status = query.get('status')?.toUpperCase();
  if (status !== undefined && server.status !== status) return false;
  for (const [key, value] of [
    ['uuid', server.id],
    ['image', server.imageId],
    ['flavor', server.flavor.id],
    ['key_name', server.keyName ?? ''],
    ['vm_state', server.vmState],
    ['task_state', server.taskState ?? ''],
  ] as const) {
    if (query.has(key) && query.get(key) !== value) return false;
  }
  const ip = query.get('ip');
  return (
    ip === null ||
    state.findPorts(server.id).some((port) => port.fixed_ips.some((fixed) => isLike(fixed.ip_address, ip)))
  );
}

/** Checks a value against a filter for names or addresses. Such filters are regular expressions for Nova's database. */
function isLike(value: string, expression: string | null): boolean {
  if (expression === null) return true;
  try {
    return new RegExp(expression, 'i').test(value);
  } catch {
    return value.includes(expression);
  }
}
