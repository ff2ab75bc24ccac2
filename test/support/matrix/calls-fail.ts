import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { MediaFault } from '../../fakes/openstack/media-server.js';
import type { Injection } from './ambush.js';
import type { MatrixSlot } from './lane.js';
import type { FaultPoint } from './places.js';

/** A way in which a call fails, which passes: a column of the fault matrix. */
export interface CallFailure {
  name: string;
  cloud: FaultKind;
  mirror: MediaFault;
}

/** Milliseconds for which a service refuses connections. */
const AWAY = 400;

export const CALL_FAILURES: CallFailure[] = [
  ...[500, 502, 503].map((status) => ({
    name: String(status),
    cloud: { kind: 'status' as const, status },
    mirror: { kind: 'status' as const, status },
  })),
  {
    name: '429',
    cloud: { kind: 'status', status: 429, retryAfter: 1 },
    mirror: { kind: 'status', status: 429, retryAfter: 1 },
  },
  { name: '401', cloud: { kind: 'status', status: 401 }, mirror: { kind: 'status', status: 401 } },
  { name: 'refused', cloud: { kind: 'refuse', ms: AWAY }, mirror: { kind: 'reset' } },
  { name: 'reset', cloud: { kind: 'reset-before' }, mirror: { kind: 'reset' } },
  { name: 'hang', cloud: { kind: 'hang' }, mirror: { kind: 'hang' } },
  { name: 'reply lost', cloud: { kind: 'reset-after' }, mirror: { kind: 'truncated', bytes: 9000 } },
];

/** What a build that meets it at the place may be told by the mirror and cannot mend. */
export function isFinal(place: FaultPoint, failure: CallFailure): boolean {
  return place.medium === true && failure.name === '401';
}

export function failAt(lane: MatrixSlot, place: FaultPoint, { name, cloud, mirror }: CallFailure): Injection {
  if (place.medium !== true) return { on: 'call', strike: () => Promise.resolve(cloud) };
  return {
    on: 'medium',
    strike: () => {
      if (name === 'refused') lane.media.refuse(AWAY);
      return Promise.resolve(mirror);
    },
  };
}
