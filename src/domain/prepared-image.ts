import type { DeadlineName, PlannedVolumes } from './messages.js';

/** What must be true in a guest before its image is taken, or the image would not boot on its target. */
export interface GuestRequirements {
  /** Drivers that must be in the initramfs or in the kernel. */
  drivers: readonly string[];
  /** Drivers that the kernel must have, in the initramfs or not. */
  modules: readonly string[];
  /** Arguments that the boot loader must give the kernel. */
  kernelArguments: readonly string[];
}

/** How an instance is made from an image, and how a build logs in to it. */
export interface InstancePlan {
  flavorId: string;
  networkId: string;
  /** Workflow id of the project's create queue. */
  queueId: string;
  /** The user that the build logs in as. Default: parameter `default_user`. */
  user?: string;
  /** Which disks of the instance are volumes. Default: none. */
  volumes?: PlannedVolumes;
  /** The steps in the guest. Two steps with equal digests are equal. */
  guestSteps: { name: string; title: string; digest: string }[];
}

/** The parameters of the base image that its preparation uses too. Times are in seconds. */
interface InstanceParameters {
  default_user: string;
  command_prefix: string;
  request_floating_ip: boolean | string;
  generate_icicle: boolean;
  rerunnable_commands: boolean;
  quota_timeout: number;
  command_timeout: number;
}

/**
 * Input of preparedImage. The store has the template of what is done in the guest, `template.tdl`, under the UUID.
 */
export interface PreparedImageInput {
  /** UUID that marks the resources and names the documents. It is derived from the digest and the cloud. */
  uuid: string;
  cloud: string;
  /** Digest of the base image and of everything that is done in the guest. */
  digest: string;
  /** The base image: UUID of its record, Glance's id, and the name of its template. */
  base: { uuid: string; imageId: string; name: string };
  /** Label of the operating system: "Debian 12 x86_64". */
  osLabel: string;
  plan: InstancePlan;
  parameters: InstanceParameters;
  requirements: GuestRequirements;
  /** Seconds that each wait may take, by the name of its deadline. */
  deadlines: Record<DeadlineName, number>;
  heartbeatTimeout: number;
}

export interface PreparedImageResult {
  imageId: string;
}

/** Returns the id of the workflow that makes a prepared image. */
export function getPreparedWorkflowId(uuid: string): string {
  return `prepared_image-${uuid}`;
}
