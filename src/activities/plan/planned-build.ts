import type { PlannedVolumes } from '../../domain/messages.js';

/** The part of a plan that the workflow needs; the template and the install script stay in the store. */
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
  /**
   * Digest of everything that shapes the customised instance, except the template's steps. Absent in plans of older
   * releases.
   */
  instanceDigest?: string;
  /** The user as whom the build logs in. Default: parameter default_user. */
  user?: string;
  /** Workflow id of the project's create queue. */
  queueId: string;
  /** Size of the instances' root disk in GiB, which is also the image's min_disk. */
  minDisk: number;
  /** The instances' disks that are volumes. Default: none is. */
  volumes?: PlannedVolumes;
  /** The template's steps. Equal digests mean equal steps, also across two templates. */
  guestSteps: { name: string; title: string; digest: string }[];
  warnings: string[];
  /** Path on the worker to which the image is downloaded. */
  bodyPath: string;
}
