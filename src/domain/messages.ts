import type { BuildLog } from './build-log.js';
import type { CreateQueueState } from './create-queue.js';
import type { JeosOfImage } from './jeos-of-image.js';
import type { BuildRef } from './names.js';
import type { SealedCredentials } from './sealed-credentials.js';

/**
 * Names of workflows, queries, signals and updates, for the workflows and their clients. They are part of recorded
 * histories and of users' scripts: never rename one.
 */
export const WORKFLOWS = {
  /** Builds a base image; id `base_image-<uuid>`. */
  baseImage: 'baseImage',
  /** Makes a base image of a disk that exists; id `base_image-<uuid>`. */
  importBaseImage: 'importBaseImage',
  /** Converts a base image to the format of a target; id `target_image-<uuid>`. */
  targetImage: 'targetImage',
  /** Pushes a target image to a provider, and registers it there; id `provider_image-<uuid>`. */
  providerImage: 'providerImage',
  /**
   * Installs a JEOS for all builds that need it; id `jeos-<cloud>-<digest>`. For a build that shares no JEOS, the id is
   * `jeos-<uuid>-<digest>`.
   */
  jeosImage: 'jeosImage',
  /** Prepares a base image for a target, for all target images that need the same; id `prepared_image-<uuid>`. */
  preparedImage: 'preparedImage',
  /** Removes an image and its record; id `delete-<uuid>`. */
  deleteImage: 'deleteImage',
  /** Reads records from the worker's store; id `records-<uuid v4>`. Its client deletes it from Temporal. */
  readRecords: 'readRecords',
  /** Lists the providers of the workers; id `providers-<uuid v4>`. Its client deletes it from Temporal. */
  readProviders: 'readProviders',
  /**
   * Makes the key to which a client encrypts the credentials of one push; id `credentials-<uuid v4>`. Its client
   * deletes it from Temporal.
   */
  prepareCredentials: 'prepareCredentials',
  /** Reads logs of a build from the worker's store; id `logs-<uuid v4>`. Its client deletes it from Temporal. */
  readLogs: 'readLogs',
  /**
   * Finds the point from which an ended build can be resumed; id `resume_point-<uuid v4>`. Its client deletes it from
   * Temporal.
   */
  readResumePoint: 'readResumePoint',
  /**
   * Removes resources that no running build needs; id `sweep-<uuid v4>`, or `sweep-<task queue>-<time>` when a schedule
   * starts it.
   */
  sweep: 'sweep',
  /**
   * Gives a project's builds their turns to create instances; id `create_queue-<project id>`, followed by `-<region>`
   * if the cloud's configuration names a region.
   */
  createQueue: 'createQueue',
} as const;

/** Update of the workflows that only read, which their client then deletes: returns the workflow's result. */
export const ANSWER_UPDATE = 'answer';

/** Query of the workflows that make images: returns a BuildStatus. */
export const STATUS_QUERY = 'status';
/** Update of baseImage, jeosImage and preparedImage: changes the deadline of a wait, see DeadlineChange. */
export const SET_DEADLINE_UPDATE = 'setDeadline';

/** The parameters that set the deadline of a wait. Each can be changed while its wait runs. */
export type DeadlineName =
  'install_timeout' | 'boot_timeout' | 'shutdown_timeout' | 'snapshot_timeout' | 'inactivity_timeout';

/** The new time limit of a wait: how many seconds the wait may take in all, counted from the beginning of the wait. */
export interface DeadlineChange {
  name: DeadlineName;
  seconds: number;
}

/**
 * Update of baseImage and targetImage: decides how a held build continues, see ResumeRequest. Rejected while the build
 * is not held.
 */
export const RESUME_UPDATE = 'resume';

/** How a held build continues. */
export interface ResumeRequest {
  /**
   * `retry` runs the failed step again; `skip` continues without this step, if it is skippable; `abort` ends the build
   * and cleans up.
   */
  action: 'retry' | 'skip' | 'abort';
  /**
   * New text of the template, in which the steps that have already run must be unchanged. Unset when the template
   * stays.
   */
  template?: string;
  /** Name of the template's file, for messages. */
  templateName?: string;
  /** The parameters that change, by name. `install_script` may be one of them. */
  parameters?: Record<string, unknown>;
}

/** Updates of baseImage: open and close an SSH session to the instance of a held build. */
export const OPEN_SESSION_UPDATE = 'openSession';
export const CLOSE_SESSION_UPDATE = 'closeSession';

export interface SessionRequest {
  /** The session's own public key, as in `authorized_keys`. */
  publicKey: string;
  /** CIDR from which the user's SSH client connects. Default: the worker's own address. */
  from?: string;
}

/** Address and identity of the instance that a session logs in to. */
export interface OpenedSession {
  host: string;
  user: string;
  /** Public host keys that the client accepts. The guest has at least one of them. */
  hostKeys: string[];
  /** Set when the guest's OpenSSH may be older than 6.5. Then the client must allow old algorithms. */
  oldSsh?: true;
}

/**
 * Signals of the workflows that builds share, each with the UUID of a build: the build waits for the result, or no
 * longer waits for it.
 */
export const JOIN_SIGNAL = 'join';
export const LEAVE_SIGNAL = 'leave';

/**
 * Signals of createQueue. Each carries the id of a member's workflow: this member joins the queue, has met a shortage
 * of the cloud, has finished its turn, or leaves the queue.
 */
export const QUEUE_JOIN_SIGNAL = 'joinQueue';
export const QUEUE_SHORTAGE_SIGNAL = 'reportShortage';
export const QUEUE_TURN_FINISHED_SIGNAL = 'finishTurn';
export const QUEUE_LEAVE_SIGNAL = 'leaveQueue';
/** Query of createQueue with the id of a workflow: returns its QueuePosition, or null if the workflow does not wait. */
export const QUEUE_POSITION_QUERY = 'queuePosition';
/**
 * Query of createQueue with the id of a workflow: returns its turn or position as a QueueAnswer, or null if the
 * workflow is not in the queue.
 */
export const QUEUE_TURN_QUERY = 'queueTurn';
/** Query of createQueue: returns how many workflows wait for their turn. */
export const QUEUE_LENGTH_QUERY = 'queueLength';
/** Signal of baseImage, jeosImage and preparedImage: carries a QueueNotice from the create queue. */
export const QUEUE_NOTICE_SIGNAL = 'queueNotice';

/** Input of createQueue. */
export interface CreateQueueInput {
  /** Seconds between two checks whether the workflows with a turn or a slot still run. */
  checkEvery: number;
  heartbeatTimeout: number;
  /** State of the previous run (continue-as-new). Unset in the first run. */
  state?: CreateQueueState;
}

/** Which disks of a build's instances are volumes. */
export interface PlannedVolumes {
  /** Size of the root volume in GiB. Unset when the root disk is not a volume. */
  root?: number;
  /** Whether the installer's instance has install media: volumes in CD-ROM drives. */
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
  /** The min_disk of the image, in GiB. */
  minDisk: number;
  volumes?: PlannedVolumes;
  /** Seconds that each wait may take, by the name of its deadline. */
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
  /** Digests of what the system was installed from, see InstallerMedia. Unset in results of earlier versions. */
  mediaDigests?: Record<string, string>;
  /** Resources that could not be removed from the cloud, each with the reason. Unset when there are none. */
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
  /** The format of the image, and the bytes of its disk, if Glance tells them. Unset in results of earlier versions. */
  format?: string;
  virtualSize?: number;
  /** The min_disk of the image, in GiB. */
  minDisk: number;
  /** Path of the file `<uuid>.body` on the worker's machine. */
  body: string;
  downloaded: boolean;
  packages: number;
  jeos: JeosOfImage;
}

/** Input of readRecords. */
export interface ReadRecordsInput {
  /**
   * Metadata keys and the exact values that a record must have, as in `images` of the original imagefactory (Python).
   * Empty: all records.
   */
  spec: Record<string, unknown>;
  /**
   * Whether the records include template, icicle, parameters and package_details. Set this only when few records
   * match. Default false.
   */
  full?: boolean;
  /**
   * `offset`: how many matching records to skip, default 0. `limit`: maximum number of records to return, default 200.
   */
  offset?: number;
  limit?: number;
}

export interface ReadRecordsResult {
  records: Record<string, unknown>[];
  total: number;
}

/** Input of readLogs. */
export interface ReadLogsInput {
  /** UUID of the build. */
  uuid: string;
  /** The log to read, and the number of bytes to skip. Unset: list the logs. */
  page?: { name: string; offset: number };
}

export interface ReadLogsResult {
  /** Whether the store has the record of the build. Always false when a page was asked for. */
  isKnown: boolean;
  /** The logs of the build. Empty when a page was asked for. */
  logs: BuildLog[];
  /** The page, which contains only whole characters. Empty at the end of the log. */
  text: string;
}

/**
 * Input of readResumePoint: an ended build, and the JEOS workflow and the JEOS image that the last status of this build
 * names.
 */
export interface ReadResumePointInput {
  ref: BuildRef;
  jeosWorkflowId?: string;
  jeosImage?: string;
}

/** The point from which an ended build can be resumed. */
export interface ResumePointReport {
  /**
   * The latest result of the build that exists: a snapshot of the customised instance, the instance, the JEOS, or a
   * running installation of the JEOS. Of a target image: its converted file (`body`), or its base image.
   */
  from: 'snapshot' | 'instance' | 'jeos' | 'installation' | 'body' | 'base_image' | 'nothing';
  /** The value of `from` in words, for people: "instance ID, in which steps that have run do not run again". */
  what: string;
}

/** Input of deleteImage. */
export interface DeleteImageInput {
  uuid: string;
  /** Credentials for the provider of a provider image, encrypted: see SealedCredentials. Default: the worker's own. */
  credentials?: SealedCredentials;
}

export interface DeleteImageResult {
  /** Names of the removed items: "Glance image 2f…", "record", "body". Empty if there was nothing to remove. */
  removed: string[];
  found: boolean;
}
