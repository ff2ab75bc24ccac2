import type { BuildParameters } from '../../domain/parameters.js';
import type { QueuePosition } from '../../domain/create-queue.js';
import type { BuildRef, ServerRole } from '../../domain/names.js';
import type { BaseImageInput } from '../../domain/base-image-input.js';
import type { BaseImageResult, PlannedVolumes } from '../../domain/messages.js';
import type { MirrorPin } from '../../os/installer/mirror-pin.js';
import type { BuildFailure, ImageStatus } from '../../domain/status.js';

/** What the workflow needs to know of the plan; the template and the install script stay in the store. */
export interface PlannedBuild {
  /** The template's name. */
  name: string;
  imageName: string;
  os: { name: string; version: string; arch: string };
  osLabel: string;
  /** Digest of everything that shapes the JEOS. */
  jeosDigest: string;
  jeosWorkflowId: string;
  /** UUID under which the store keeps the documents of the JEOS. */
  jeosDocumentsId: string;
  flavorId: string;
  networkId: string;
  /** Digest of everything that shapes the customised instance, what runs in it aside. Absent in plans of older releases. */
  instanceDigest?: string;
  /** Whom the build logs in as, where it is not default_user. */
  user?: string;
  /** Workflow id of the line of everybody who creates instances in the project. */
  queueId: string;
  /** GiB: the disk of the instances, which the image needs at least. */
  minDisk: number;
  /** Which of the instances' disks are volumes; absent where none is. */
  volumes?: PlannedVolumes;
  /** The template's steps; the digest tells whether one is the same in another template. */
  guestSteps: { name: string; title: string; digest: string }[];
  warnings: string[];
  /** Where the body will lie, on the worker's side. */
  bodyPath: string;
}

export interface PlanBaseImage {
  ref: BuildRef;
  input: BaseImageInput;
}

/** A plan for a build under way: what has run must be in it as it was. */
export interface ReplanBaseImage extends PlanBaseImage {
  before: PlannedBuild;
  /** The parameters until now. */
  parameters: BuildParameters;
  /** Names of the steps that are done or left out. */
  done: string[];
}

export interface FindResumePoint {
  ref: BuildRef;
  /** Nothing of the customisation is to be used again. */
  discardGuest: boolean;
  /** The guest itself is wanted, not a snapshot of it. */
  needsGuest: boolean;
  /** What the instance must be, by the plan. */
  instanceDigest?: string;
  /** The template's step that is to be done anew in it, with all that follow. */
  from?: string;
}

/** What an earlier run of a build has left to go on from. */
export interface ResumePoint {
  /** The customised instance of which there is a snapshot, whole or under way. */
  snapshotOf?: { serverId: string; packages: number; volumeId?: string };
  note?: string;
}

export interface WaitForJeos {
  ref: BuildRef;
  plan: PlannedBuild;
  parameters: BuildParameters;
  heartbeatTimeout: number;
  /** A JEOS that an earlier run of this very build has installed is taken even where none is to be reused. */
  ownOfEarlierRun?: boolean;
}

export interface JeosFound {
  imageId: string;
  reused: boolean;
  /** Whether a machine booted from it has ever answered over SSH. */
  proven: boolean;
  /** What the run that has installed it could not remove from the cloud, and why; absent where nothing is left. */
  leftovers?: string[];
}

/** A step of the installer's run: its documents are those of the JEOS. */
export interface JeosStep {
  ref: BuildRef;
  documentsId: string;
}

/** What the installer is booted with, as images. */
export interface InstallerMedia {
  kernelId?: string;
  ramdiskId?: string;
  /** The medium, where the system is installed from one, and what it calls itself. */
  isoId?: string;
  volumeId?: string;
  /** The mirror that the installer is sent to as well. */
  pin?: MirrorPin;
  /** A medium with drivers. */
  driversId?: string;
  notes: string[];
}

export type BootImageInput = JeosStep & Omit<InstallerMedia, 'notes'>;

/** The image that an installer's root disk is copied from, and those of the media in its drives. */
export interface BootImages {
  imageId: string;
  media?: string[];
}

export interface CreateVolumes {
  ref: BuildRef;
  /** UUID under which the store keeps the build's documents. */
  documentsId: string;
  /** What the root disk is copied from, and its size in GiB; absent where it is no volume. */
  root?: { imageId: string; size: number };
  /** Images of what is in the CD-ROM drives. */
  media: string[];
  /** Seconds that it waits for a cloud that is short of something. */
  timeout: number;
}

/** Ids of volumes. */
export interface CreatedVolumes {
  root?: string;
  media: string[];
}

export interface BuildAccess {
  keyName: string;
  securityGroupId: string;
}

export interface CreateServerInput {
  ref: BuildRef;
  role: ServerRole;
  /** UUID under which the store keeps the build's documents. */
  documentsId: string;
  imageId: string;
  flavorId: string;
  networkId: string;
  /** Its disks, where they are not all copies of the image. */
  volumes?: CreatedVolumes;
  access?: BuildAccess;
  /** A floating IP is reserved for it as well: see WaitForAddress. Default false. */
  floatingIp?: boolean | string;
  queue: QueueTicketInput;
  /** Of a customised instance: what it is made from, by the plan. */
  instanceDigest?: string;
}

/** A build's place in its project's line. */
export interface QueueTicketInput {
  /** Workflow id of the line. */
  id: string;
  /** Milliseconds since the epoch: when the build first asked. */
  since: number;
  /** Seconds that it waits for a cloud that is short of something. */
  timeout: number;
}

/** What came of it: an instance, or nothing yet, because others go first. */
export type CreatedServer =
  | {
      serverId: string;
      /** Whether the build holds one of the cloud's slots until it leaves the line. */
      slot: boolean;
    }
  | {
      serverId?: undefined;
      /** Undefined: the line will tell. */
      position?: QueuePosition;
    };

export interface WaitForPowerOff {
  ref: BuildRef;
  documentsId: string;
  serverId: string;
  /** Milliseconds since the epoch. */
  deadline: number;
  /** Seconds without a sign of life. */
  inactivity: number;
}

export interface SnapshotInput {
  ref: BuildRef;
  role: 'jeos' | 'base';
  serverId: string;
  name: string;
  /** Milliseconds since the epoch. */
  deadline: number;
}

export interface UploadInput extends Omit<SnapshotInput, 'serverId'> {
  volumeId: string;
}

export interface SnapshotTaken {
  imageId: string;
  /** Bytes. */
  size: number;
}

/** Where a guest is and who lets us in. The key is in the store. */
export interface GuestLocation {
  host: string;
  serverId: string;
  securityGroupId: string;
  user: string;
  prefix: string;
}

export interface GuestInput {
  ref: BuildRef;
  guest: GuestLocation;
}

export interface PublishedImage {
  imageId: string;
  checksum: { algorithm: string; value: string } | null;
  checksumMd5: string | null;
  /** Bytes. */
  size: number;
  /** GiB. */
  minDisk: number;
}

export interface KeepResources {
  ref: BuildRef;
  /** Milliseconds since the epoch. */
  until: number;
}

export interface CleanupReport {
  removed: string[];
  /** What is still there, with the cloud's words. */
  leftovers: string[];
}

export interface FinalRecord {
  ref: BuildRef;
  result: BaseImageResult | undefined;
  failure: BuildFailure | undefined;
  timings: Record<string, number>;
  status: ImageStatus;
}
