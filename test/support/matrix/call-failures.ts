import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import type { MediaFault } from '../../fakes/openstack/media-server.js';
import type { Injection } from './fault-injector.js';
import type { FaultPoint } from './fault-points.js';
import type { MatrixSlot } from './matrix-slot.js';

/** A failure that hits a call once: a column of the fault matrix. */
export interface CallFailure {
  name: string;
  cloud: FaultKind;
  mirror: MediaFault;
}

/** Milliseconds for which a service refuses connections. */
const REFUSE_FOR = 400;

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
  { name: 'refused', cloud: { kind: 'refuse', ms: REFUSE_FOR }, mirror: { kind: 'reset' } },
  { name: 'reset', cloud: { kind: 'reset-before' }, mirror: { kind: 'reset' } },
  { name: 'hang', cloud: { kind: 'hang' }, mirror: { kind: 'hang' } },
  { name: 'reply lost', cloud: { kind: 'reset-after' }, mirror: { kind: 'truncated', bytes: 9000 } },
];

/**
 * Checks whether this failure at this point fails the build. A build fails when the mirror answers 401, because the
 * worker does not retry such a request.
 */
export function isFinal(point: FaultPoint, failure: CallFailure): boolean {
  return point.medium === true && failure.name === '401';
}

/** Creates the injection for a point: it makes the point's call to the cloud, or its request to the mirror, fail. */
export function createCallFailure(
  slot: MatrixSlot,
  point: FaultPoint,
  { name, cloud, mirror }: CallFailure,
): Injection {
  if (point.medium !== true) return { on: 'call', inject: () => Promise.resolve(cloud) };
  return {
    on: 'medium',
    inject: () => {
      if (name === 'refused') slot.media.refuseConnections(REFUSE_FOR);
      return Promise.resolve(mirror);
    },
  };
}
