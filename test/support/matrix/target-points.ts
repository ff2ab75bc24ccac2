import type { CallPattern } from '../../fakes/openstack/core/call-log.js';
import type { FaultKind } from '../../fakes/openstack/core/faults.js';
import { glance } from '../call-patterns.js';

/** A point in the making of a target image where a fault can be injected: a row of the second table of the matrix. */
export interface TargetPoint {
  name: string;
  step: 'plan' | 'fetch' | 'convert' | 'record';
  /** What the step does at the point: a call to Glance, a subcommand of qemu-img; the record is written. */
  at: { call: CallPattern; nth: number } | { subcommand: string } | 'written';
}

const READ_IMAGE = glance('GET', /\/images\/[0-9a-f-]{36}$/);
const READ_BYTES = glance('GET', /\/file$/);

/** The fault points of a target image, in the order of its steps. */
export const TARGET_POINTS = [
  { name: 'check of the base', step: 'plan', at: { call: READ_IMAGE, nth: 1 } },
  { name: 'look-up of the base', step: 'fetch', at: { call: READ_IMAGE, nth: 2 } },
  { name: 'download of the base', step: 'fetch', at: { call: READ_BYTES, nth: 1 } },
  { name: 'inspection', step: 'convert', at: { subcommand: 'info' } },
  { name: 'measure of the space', step: 'convert', at: { subcommand: 'map' } },
  { name: 'conversion', step: 'convert', at: { subcommand: 'convert' } },
  { name: 'check of the output', step: 'convert', at: { subcommand: 'check' } },
  { name: 'comparison', step: 'convert', at: { subcommand: 'compare' } },
  // The last call of qemu-img before the output becomes the body.
  { name: 'the body appears', step: 'convert', at: { subcommand: '--version' } },
  { name: 'record of the target', step: 'record', at: 'written' },
] as const satisfies TargetPoint[];

type PointName = (typeof TARGET_POINTS)[number]['name'];

/** What happens at a point. */
export type TargetInjection =
  /** Glance answers the call like this. */
  | { call: FaultKind }
  /** The step is held at the point while this happens. */
  | { held: 'SIGKILL' | 'SIGTERM' | 'disk full' | 'bit flipped' | 'base evicted' | 'base deleted' }
  /** qemu-img is killed at its start. */
  | 'killed'
  /** The worker is killed when a part of the download is on its disk. */
  | 'killed in the download';

interface TargetFault {
  name: string;
  injection: TargetInjection;
  /** The points where the fault can happen. A regular expression: the image fails there with this message. */
  at: Partial<Record<PointName, 'built' | RegExp>>;
}

const CALLS: PointName[] = ['check of the base', 'look-up of the base', 'download of the base'];
const PROGRAMS: PointName[] = ['inspection', 'measure of the space', 'conversion', 'check of the output', 'comparison', 'the body appears']; // prettier-ignore

function builtAt(points: readonly PointName[]): Partial<Record<PointName, 'built'>> {
  return Object.fromEntries(points.map((point) => [point, 'built' as const]));
}

/** The faults of target images: the columns of the second table. */
export const TARGET_FAULTS: readonly TargetFault[] = [
  {
    name: 'SIGKILL',
    injection: { held: 'SIGKILL' },
    at: builtAt([...CALLS, ...PROGRAMS, 'record of the target']),
  },
  { name: 'SIGKILL half-way', injection: 'killed in the download', at: builtAt(['download of the base']) },
  { name: 'SIGTERM', injection: { held: 'SIGTERM' }, at: builtAt([...CALLS, 'conversion', 'comparison']) },
  { name: '500', injection: { call: { kind: 'status', status: 500 } }, at: builtAt(CALLS) },
  { name: '503', injection: { call: { kind: 'status', status: 503 } }, at: builtAt(CALLS) },
  {
    name: '404',
    injection: { call: { kind: 'status', status: 404 } },
    at: {
      'check of the base': /is not in Glance any more/,
      'look-up of the base': /was deleted from Glance before/,
      'download of the base': /was deleted from Glance before/,
    },
  },
  { name: 'reset', injection: { call: { kind: 'reset-before' } }, at: builtAt(CALLS) },
  { name: 'reply lost', injection: { call: { kind: 'reset-after' } }, at: builtAt(CALLS) },
  {
    name: 'truncated',
    injection: { call: { kind: 'truncated-body', bytes: 10_000 } },
    at: builtAt(['download of the base']),
  },
  { name: 'digest mismatch', injection: { call: { kind: 'flipped-body' } }, at: builtAt(['download of the base']) },
  {
    name: 'disk full',
    injection: { held: 'disk full' },
    at: builtAt(['download of the base', 'measure of the space', 'conversion', 'comparison', 'the body appears', 'record of the target']), // prettier-ignore
  },
  { name: 'qemu-img killed', injection: 'killed', at: builtAt(PROGRAMS) },
  {
    name: 'bit flipped',
    injection: { held: 'bit flipped' },
    at: { comparison: /differs from its source, so it is not used/ },
  },
  { name: 'base evicted', injection: { held: 'base evicted' }, at: builtAt(PROGRAMS) },
  {
    name: 'base deleted',
    injection: { held: 'base deleted' },
    at: {
      'check of the base': /is not in Glance any more/,
      'look-up of the base': /was deleted from Glance before/,
      'download of the base': /was deleted from Glance before/,
      ...builtAt(['inspection', 'conversion', 'comparison']),
    },
  },
];
