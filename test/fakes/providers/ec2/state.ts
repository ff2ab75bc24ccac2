import { randomBytes } from 'node:crypto';

type Tags = Map<string, string>;

export interface FakeSnapshot {
  id: string;
  /** As DescribeSnapshots tells. A sealed snapshot is `pending` until EBS has compared its blocks. */
  state: 'pending' | 'completed' | 'error';
  stateMessage: string;
  isSealed: boolean;
  /** Whether the count and the checksum of CompleteSnapshot were those of the blocks. */
  isRight: boolean;
  volumeSize: number;
  description: string;
  startTime: Date;
  tags: Tags;
  /** The written blocks, and those only. */
  blocks: Map<number, { data: Buffer; digest: Buffer }>;
  /** Times that it was asked about since it was sealed. */
  asked: number;
  /** Questions that are answered as if it were not there yet. */
  hiddenFor: number;
}

export interface FakeImage {
  id: string;
  name: string;
  state: string;
  stateReason: string;
  snapshot: string;
  tags: Tags;
  /** The parameters of RegisterImage, by name: `BootMode`, `Architecture`. */
  parameters: Map<string, string>;
  launchPermissions: Set<string>;
  asked: number;
  hiddenFor: number;
}

/** What an account has in one region. */
export class RegionState {
  readonly snapshots = new Map<string, FakeSnapshot>();
  readonly images = new Map<string, FakeImage>();
  /** Client tokens with the request that came with each, and its answer. They outlive what the request has made. */
  readonly tokens = new Map<string, { request: string; answer: string }>();
}

/** Makes an id as EC2 makes them: `snap-` and 17 hexadecimal digits. */
export function newId(kind: 'snap' | 'ami'): string {
  return `${kind}-${randomBytes(9).toString('hex').slice(0, 17)}`;
}

/** What tests change about how the fake behaves. */
export interface Behaviour {
  /** Questions until a sealed snapshot is completed. */
  completeAfter: number;
  /** Questions until a registered AMI is available. */
  availableAfter: number;
  /** Questions that are answered as if a new snapshot or AMI were not there yet. */
  visibleAfter: number;
  /** Blocks that EBS refuses because it does not know the new snapshot yet (coldsnap#43). */
  unknownPuts: number;
  /** Calls of RegisterImage and CopyImage that do not know yet what they are made from. */
  unknownSources: number;
  /** The state in which AMIs end, with the reason. */
  imagesEnd: { state: string; reason: string };
  /** The message of snapshots that end in `error`. Undefined: they end so only when their checksum was wrong. */
  snapshotsFail: string | undefined;
  /** Actions that the policy does not allow: `ec2:RegisterImage`. */
  denied: Set<string>;
  /** An error that answers every call: the credentials have expired. */
  refusal: { code: string; message: string } | undefined;
  /** Things in one page of a list. */
  pageSize: number;
}

export function createBehaviour(): Behaviour {
  return {
    completeAfter: 1,
    availableAfter: 1,
    visibleAfter: 0,
    unknownPuts: 0,
    unknownSources: 0,
    imagesEnd: { state: 'available', reason: '' },
    snapshotsFail: undefined,
    denied: new Set(),
    refusal: undefined,
    pageSize: 1000,
  };
}
