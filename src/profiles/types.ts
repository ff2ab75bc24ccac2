import type { GuestRequirements } from '../domain/prepared-image.js';
import type { OsProfile } from '../os/profile/types.js';
import type { Fragment } from '../tdl/types.js';

/** What an image needs inside, so that it boots and works on one target. The table of targets names its profile. */
export interface TargetProfile {
  /** The name in messages and records. It enters the digest of prepared images. */
  name: string;
  /** What the profile needs, by system. The first variant that fits a system counts. */
  variants: readonly ProfileVariant[];
}

/** What some systems need for a target. */
export interface ProfileVariant {
  /** Ids of the families of operating systems. */
  families: readonly string[];
  /** The first version. Default: all versions. */
  from?: string;
  /** Architectures. Default: all. */
  arches?: readonly string[];
  /**
   * What is done in the guest, in the template language: the sections of a template from `<packages>` to `<commands>`.
   * Default: nothing.
   */
  fragment?: string;
  /**
   * Drivers that the system needs before its root file system is mounted. They are added to the initramfs, and must be
   * in it or in the kernel afterwards.
   */
  drivers?: readonly string[];
  /** Drivers that are added to the initramfs where the kernel has them. */
  optionalDrivers?: readonly string[];
  /** Drivers that the kernel must have, but that need not be in the initramfs: network cards. */
  modules?: readonly string[];
  /** Arguments of the kernel. They are added to the boot loader's configuration, and must be in it afterwards. */
  kernelArguments?: readonly string[];
  /** The names of cloud-init's datasources for the target, in order. Default: those of the base image. */
  datasources?: readonly string[];
  /** What else is done, in words for the documents: "user vagrant". */
  summary?: string;
}

/** What is done in the guest for a target, and what is checked afterwards. */
export interface Preparation {
  fragment: Fragment;
  requirements: GuestRequirements;
}

/** The system of a guest, as far as a profile depends on it. */
export type GuestSystem = Pick<OsProfile, 'family' | 'version'> & { arch: string };
