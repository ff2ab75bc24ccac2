import type { CreateQueueState } from './create-queue.js';
import type { BuildRef } from './names.js';
import type { SweepLimits, ResourceKind } from './sweep-rules.js';

/**
 * Names of workflows, queries, signals and updates, for the workflows and their clients. They are part of recorded
 * histories and of users' scripts: never rename one.
 */
export const WORKFLOWS = {
  /** Builds a base image; id `base_image-<uuid>`. */
  baseImage: 'baseImage',
  /**
   * Installs a JEOS for all builds that need it; id `jeos-<cloud>-<digest>`. For a build that shares no JEOS, the id is
   * `jeos-<uuid>-<digest>`.
   */
  jeosImage: 'jeosImage',
  /** Removes an image and its record; id `delete-<uuid>`. */
  deleteImage: 'deleteImage',
  /** Reads records from the worker's store; id `records-<uuid v4>`. */
  readRecords: 'readRecords',
  /** Finds the point from which an ended build can be resumed; id `resume_point-<uuid v4>`. */
  readResumePoint: 'readResumePoint',
  /**
   * Removes resources that no running build needs; id `sweep-<uuid v4>`, with a schedule `sweep-<task queue>-<time>`.
   */
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

/** Update of baseImage: decides how a held build continues, see ResumeRequest. Rejected while the build is not held. */
export const RESUME_UPDATE = 'resume';

/** How a held build continues. */
export interface ResumeRequest {
  /** `retry` runs the step that failed again; `skip` leaves it out, where that is possible; `abort` cleans up. */
  action: 'retry' | 'skip' | 'abort';
  /** New text of the template; the steps that have run already must be unchanged in it. */
  template?: string;
  /** Name of its file, for messages. */
  templateName?: string;
  /** Parameters that change, by name, `install_script` among them. */
  parameters?: Record<string, unknown>;
}

/** Updates of baseImage: open and close an SSH session to the instance of a held build. */
export const OPEN_SESSION_UPDATE = 'openSession';
export const CLOSE_SESSION_UPDATE = 'closeSession';

export interface SessionRequest {
  /** The session's own public key, as in `authorized_keys`. */
  publicKey: string;
  /** CIDR of the session's client. Default: the worker's own address. */
  from?: string;
}

/** Address and identity of the instance of a session. */
export interface OpenedSession {
  host: string;
  user: string;
  /** Public host keys; the guest has one of them. */
  hostKeys: string[];
  /** Whether the guest's OpenSSH may be older than 6.5: then the client must allow old algorithms. */
  oldSsh?: true;
}

/** Signals of jeosImage: a build, by its UUID, waits for the JEOS, or no longer does. */
export const JEOS_JOIN_SIGNAL = 'join';
export const JEOS_LEAVE_SIGNAL = 'leave';

/**
 * Signals of createQueue, each with the id of a build's or a JEOS installation's workflow: it joins the queue, it has
 * met a used-up quota, it has finished its turn, it leaves the queue.
 */
export const QUEUE_JOIN_SIGNAL = 'joinQueue';
export const QUEUE_SHORTAGE_SIGNAL = 'reportShortage';
export const QUEUE_TURN_FINISHED_SIGNAL = 'finishTurn';
export const QUEUE_LEAVE_SIGNAL = 'leaveQueue';
/** Query of createQueue: the position of a workflow, by its id; answers a QueuePosition, or null. */
export const QUEUE_POSITION_QUERY = 'queuePosition';
/**
 * Query of createQueue: the turn or the position of a workflow; answers a QueueAnswer, or null if it is not in the
 * queue.
 */
export const QUEUE_TURN_QUERY = 'queueTurn';
/** Signal of baseImage and jeosImage: the queue's message to the workflow, a QueueNotice. */
export const QUEUE_NOTICE_SIGNAL = 'queueNotice';

/** Input of createQueue. */
export interface CreateQueueInput {
  /** Seconds between two checks whether the workflows with a turn are still running. */
  checkEvery: number;
  heartbeatTimeout: number;
  /** State of the previous run (continue-as-new). */
  state?: CreateQueueState;
}

/** Which disks of a build's instances are volumes. */
export interface PlannedVolumes {
  /** GiB of the root disk, where that is one. */
  root?: number;
  /** Whether the installer's instance has media in CD-ROM drives. */
  media: boolean;
}

/** Input of jeosImage. The template and the install script are documents in the store. */
export interface JeosImageInput {
  cloud: string;
  /** Digest of all inputs of the JEOS. */
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
  /** Workflow id of the project's create queue. */
  queueId: string;
}

export interface JeosImageResult {
  imageId: string;
  digest: string;
  /** Resources that could not be removed from the cloud, and why; absent if there are none. */
  leftovers?: string[];
}

/** Result of baseImage: the essential fields of the record; TDL and ICICLE stay in the store. */
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

/** Input of readResumePoint: an ended build, and the JEOS in its last status. */
export interface ReadResumePointInput {
  ref: BuildRef;
  jeosWorkflowId?: string;
  jeosImage?: string;
}

/** The point from which an ended build can be resumed. */
export interface ResumePointReport {
  /**
   * The latest result that exists: snapshot of the customised instance, the instance, the JEOS, its running
   * installation.
   */
  from: 'snapshot' | 'instance' | 'jeos' | 'installation' | 'nothing';
  /** The same in words: "instance 2f…, in which nothing runs twice". */
  what: string;
}

/** Input of deleteImage. */
export interface DeleteImageInput {
  uuid: string;
}

export interface DeleteImageResult {
  /** Names of the removed items: "Glance image 2f…", "record", "body". Empty if there was nothing to remove. */
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

/** The decision about one resource, and its outcome. */
export interface SweptResource {
  kind: ResourceKind;
  id: string;
  name: string;
  build?: string;
  /** Seconds since it was created; null where the cloud does not say. */
  age: number | null;
  /** `removable`: would have been removed, were it no dry run. */
  outcome: 'removed' | 'removable' | 'kept' | 'failed';
  /** Why it is removed or kept, or why it could not be removed. */
  why: string;
}

export interface SweepResult {
  clouds: CloudSweep[];
}

export interface CloudSweep {
  cloud: string;
  /** Removed resources first, oldest first; then the kept ones. */
  resources: SweptResource[];
  /** Number of further kept resources, which `resources` does not list. */
  unnamed: number;
  /** Number of builds whose resources are left to the next run, because the removals of one run are limited. */
  postponed: number;
  /** Why the cloud could not be swept. */
  failure?: string;
}
