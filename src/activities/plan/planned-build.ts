import type { GivenImage } from '../given-image/given-image.js';
import type { PlannedVolumes } from '../../domain/messages.js';

/** The part of a plan that the workflow needs; the template and the install script stay in the store. */
export interface PlannedBuild {
  /** The template's name. */
  name: string;
  imageName: string;
  os: { name: string; version: string; arch: string };
  osLabel: string;
  /** Digest of everything that determines the content of the JEOS. */
  jeosDigest: string;
  jeosWorkflowId: string;
  /** UUID under which the store keeps the documents of the JEOS. */
  jeosDocumentsId: string;
  /** The image that the build customises. Unset: the build installs its system. */
  givenImage?: GivenImage;
  flavorId: string;
  networkId: string;
  /**
   * Digest of everything that determines the content of the customised instance, except the template's steps. Unset in
   * plans of older releases.
   */
  instanceDigest?: string;
  /** The user that the build logs in as. Default: parameter `default_user`. */
  user?: string;
  /** Workflow id of the project's create queue. */
  queueId: string;
  /** Size of the instances' root disk in GiB, which is also the image's min_disk. */
  minDisk: number;
  /** Which disks of the instances are volumes. Default: none. */
  volumes?: PlannedVolumes;
  /** The template's steps. Two steps with equal digests are equal, even if they come from different templates. */
  guestSteps: { name: string; title: string; digest: string }[];
  warnings: string[];
  /** Path on the worker to which the image is downloaded. */
  bodyPath: string;
}
