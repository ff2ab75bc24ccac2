import type { PlannedVolumes } from '../../domain/messages.js';

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
