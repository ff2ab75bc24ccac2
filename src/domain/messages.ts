import type { CreateQueueState } from './create-queue.js';
import type { BuildRef } from './names.js';
import type { SweepLimits, ResourceKind } from './sweep-rules.js';

/**
 * Names of workflows, queries, signals and updates, shared by the workflows and by whoever talks to them. They are part
 * of recorded histories and of other people's scripts: never rename one.
 */
export const WORKFLOWS = {
  /** Builds a base image; id `base_image-<uuid>`. */
  baseImage: 'baseImage',
  /** Installs a JEOS for every build that needs it; id `jeos-<cloud>-<digest>`; of a build that shares none `jeos-<uuid>-<digest>`. */
  jeosImage: 'jeosImage',
  /** Removes an image and its record; id `delete-<uuid>`. */
  deleteImage: 'deleteImage',
  /** Reads records from the worker's store; id `records-<uuid v4>`. */
  readRecords: 'readRecords',
  /** Looks what a build that has ended could be resumed from; id `resume_point-<uuid v4>`. */
  readResumePoint: 'readResumePoint',
  /** Removes what no living build needs; id `sweep-<uuid v4>`, or `sweep-<task queue>-<time>` when a schedule starts it. */
  sweep: 'sweep',
  /** Hands out a project's turns to create instances; id `create_queue-<project id>`. */
  createQueue: 'createQueue',
} as const;

/** Query of baseImage and jeosImage: answers a BuildStatus. */
export const STATUS_QUERY = 'status';
/** Update of baseImage and jeosImage: changes the deadline of a wait, see DeadlineChange. */
export const SET_DEADLINE_UPDATE = 'setDeadline';

/** The waits whose deadline is a parameter and can be changed while it runs. */
export type DeadlineName =
  'install_timeout' | 'boot_timeout' | 'shutdown_timeout' | 'snapshot_timeout' | 'inactivity_timeout';

/** Sets the seconds that a wait may take in all, counted from when it began. */
export interface DeadlineChange {
  name: DeadlineName;
  seconds: number;
}

/** Update of baseImage: says how a held build goes on, see ResumeRequest. Refused while the build is not held. */
export const RESUME_UPDATE = 'resume';

/** How a held build goes on. */
export interface ResumeRequest {
  /** `retry` runs the step that failed again; `skip` leaves it out, where that is possible; `abort` cleans up. */
  action: 'retry' | 'skip' | 'abort';
  /** New text of the template; what has run already must be in it as it was. */
  template?: string;
  /** Name of its file, for messages. */
  templateName?: string;
  /** Parameters that change, by name, `install_script` among them. */
  parameters?: Record<string, unknown>;
}

/** Updates of baseImage: let somebody in to a held build's instance over SSH, and no more. */
export const OPEN_SESSION_UPDATE = 'openSession';
export const CLOSE_SESSION_UPDATE = 'closeSession';

export interface SessionRequest {
  /** The session's own public key, as in `authorized_keys`. */
  publicKey: string;
  /** CIDR from which the session comes, where that is not the worker's own address. */
  from?: string;
}

/** Where to go, and whom to expect there. */
export interface OpenedSession {
  host: string;
  user: string;
  /** Public host keys, of which the guest has one. */
  hostKeys: string[];
  /** Whether the guest's OpenSSH may be older than 6.5: the client's must be told to make do with what it has. */
  oldSsh?: true;
}

/** Signals of jeosImage: a build, by its UUID, waits for the JEOS, or no longer does. */
export const JEOS_JOIN_SIGNAL = 'join';
export const JEOS_LEAVE_SIGNAL = 'leave';

/** Signals of createQueue: a build or an installer's run, by its workflow's id, joins, has met a quota, has created, needs nothing any more. */
export const QUEUE_JOIN_SIGNAL = 'joinQueue';
export const QUEUE_SHORTAGE_SIGNAL = 'reportShortage';
export const QUEUE_TURN_FINISHED_SIGNAL = 'finishTurn';
export const QUEUE_LEAVE_SIGNAL = 'leaveQueue';
/** Query of createQueue: where a workflow stands, by its id; answers a LinePosition, or null. */
export const QUEUE_POSITION_QUERY = 'queuePosition';
/** Query of createQueue: what a workflow that has just joined is told; answers a LineAnswer, or null for one that does not stand there. */
export const QUEUE_TURN_QUERY = 'queueTurn';
/** Signal of baseImage and jeosImage: what the line has to say, a LineNews. */
export const QUEUE_NOTICE_SIGNAL = 'queueNotice';

/** Input of createQueue. */
export interface CreateQueueInput {
  /** Seconds between two looks at whether those live whose turn it is. */
  checkEvery: number;
  heartbeatTimeout: number;
  /** What the run before has handed on. */
  state?: CreateQueueState;
}

/** Which disks of a build's instances are volumes. */
export interface PlannedVolumes {
  /** GiB of the root disk, where that is one. */
  root?: number;
  /** Whether the installer has media in CD-ROM drives. */
  media: boolean;
}

/** Input of jeosImage. The template and the install script are documents in the store. */
export interface JeosImageInput {
  cloud: string;
  /** Digest of everything that shapes the JEOS. */
  digest: string;
  /** UUID under which the store keeps `template.tdl`, `install_script` and `parameters.json` of this JEOS. */
  documentsId: string;
  name: string;
  osLabel: string;
  flavorId: string;
  networkId: string;
  /** GiB. */
  minDisk: number;
  volumes?: PlannedVolumes;
  /** Seconds. */
  deadlines: Record<DeadlineName, number>;
  mediaTimeout: number;
  quotaTimeout: number;
  heartbeatTimeout: number;
  /** Workflow id of the project's line. */
  queueId: string;
}

export interface JeosImageResult {
  imageId: string;
  digest: string;
  /** What the run could not remove from the cloud, and why; absent where nothing is left. */
  leftovers?: string[];
}

/** What baseImage returns: the essentials of the record; TDL and ICICLE stay in the store. */
export interface BaseImageResult {
  uuid: string;
  glanceId: string;
  checksum: { algorithm: string; value: string } | null;
  checksumMd5: string | null;
  /** Bytes. */
  size: number;
  /** GiB. */
  minDisk: number;
  /** Path of `<uuid>.body`, on the worker's side. */
  body: string;
  downloaded: boolean;
  packages: number;
  jeos: { glance_id: string; digest: string; reused: boolean };
}

/** Input of readRecords. */
export interface ReadRecordsInput {
  /** Exact equality on metadata keys, as imagefactory's `images` does. Empty: all. */
  spec: Record<string, unknown>;
  /** Include template, icicle and parameters (only where few match). Default false. */
  full?: boolean;
  /** How many records to leave out at the beginning, and how many to return at the most. Defaults 0 and 200. */
  offset?: number;
  limit?: number;
}

export interface ReadRecordsResult {
  records: Record<string, unknown>[];
  total: number;
}

/** Input of readResumePoint: a build that has ended, and what it said of its JEOS. */
export interface ReadResumePointInput {
  ref: BuildRef;
  jeosWorkflowId?: string;
  jeosImage?: string;
}

/** What a build that has ended would be resumed from. */
export interface ResumePointReport {
  /** The best of what exists: a snapshot of the customised instance, the instance itself, the JEOS, its installation that still runs, or nothing. */
  from: 'snapshot' | 'instance' | 'jeos' | 'installation' | 'nothing';
  /** The same in words: "instance 2f…, in which nothing runs twice". */
  what: string;
}

/** Input of deleteImage. */
export interface DeleteImageInput {
  uuid: string;
}

export interface DeleteImageResult {
  /** What was removed, in words: "Glance image 2f…", "record", "body". Empty: there was nothing. */
  removed: string[];
  found: boolean;
}

/** Input of sweep. */
export interface SweepInput {
  /** Clouds that the worker knows. */
  clouds: string[];
  limits: SweepLimits;
  /** Only say what would be removed. */
  dryRun: boolean;
}

/** What became of one thing that was found. */
export interface SweptResource {
  kind: ResourceKind;
  id: string;
  name: string;
  build?: string;
  /** Seconds since it was created; null where the cloud does not say. */
  age: number | null;
  /** `removable`: would have been removed, were it no dry run. */
  outcome: 'removed' | 'removable' | 'kept' | 'failed';
  /** Why it goes or stays, or why it could not be removed. */
  why: string;
}

export interface SweepResult {
  clouds: CloudSweep[];
}

export interface CloudSweep {
  cloud: string;
  /** Removed things first, oldest first, then those that stay. */
  resources: SweptResource[];
  /** How many more things stay that `things` does not name. */
  unnamed: number;
  /** How many builds' things were left to the next run, because a run does not remove any number. */
  postponed: number;
  /** Why the cloud could not be swept. */
  failure?: string;
}
