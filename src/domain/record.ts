import type { RecordType } from './image-kinds.js';
import type { ImageInput, ImageOutput, ParentImage } from './lineage.js';
import type { RegisteredImage } from './provider-image.js';
import type { JeosOfImage } from './jeos-of-image.js';
import type { ImageStatus } from './status.js';

/** An installed package, as the system's package manager knows it. */
export interface PackageDetails {
  name: string;
  /** The version as the package manager writes it: with epoch and release, `1:2.3-4`. Null when it has none. */
  version: string | null;
  /** The package's architecture in the package manager's words: `amd64`, `noarch`. Null when it is not known. */
  architecture: string | null;
}

/**
 * The record of an image: the content of `<uuid>.meta`. The first block has the fields of the original imagefactory
 * (Python; its classes PersistentImage, BaseImage and TargetImage), the second block has our additional fields.
 */
export interface BuildRecord {
  identifier: string;
  /** The class name that the original imagefactory (Python) writes. */
  type: RecordType;
  /** Path of the file with the image's bytes, even if the image was not downloaded. */
  data: string;
  /** The TDL, with its root password masked. */
  template: string;
  /** The ICICLE document. Null until it exists. */
  icicle: string | null;
  status: ImageStatus;
  status_detail: { activity: string; error: string | null };
  /** 0 to 100. */
  percent_complete: number;
  /**
   * The given parameters with the text of the install script, as in the original imagefactory (Python). The passwords
   * in the script are masked.
   */
  parameters: Record<string, unknown>;
  /**
   * Contains the Glance image id under the key `x-image-properties-glance_id`, as the Nova plugin of the original
   * imagefactory (Python) writes it.
   */
  properties: Record<string, unknown>;

  /** Id of the workflow that built the image. */
  workflow_id: string;
  cloud: string;
  name: string;
  os: { name: string; version: string; arch: string };
  /** ISO 8601 times. */
  created_at: string;
  completed_at: string | null;
  glance_id: string | null;
  /** Glance's `os_hash_algo`/`os_hash_value`, and its older md5 `checksum`. */
  checksum: { algorithm: string; value: string } | null;
  checksum_md5: string | null;
  /** Bytes. */
  size: number | null;
  /** GiB. */
  min_disk: number | null;
  jeos: JeosOfImage | null;
  /** Number of packages in the ICICLE. */
  packages: number | null;
  /**
   * The installed packages with versions and architectures. Null until they are listed, when the build lists none, and
   * when they could not be listed or are too many for a record.
   */
  package_details: PackageDetails[] | null;
  /** Why the package list is missing or not complete, although the image is complete. Null when there is nothing. */
  icicle_warning: string | null;
  /** Duration of each step in seconds, by step name. */
  timings: Record<string, number>;
  /** Whether the file `data` has the image's bytes. */
  downloaded: boolean;

  /**
   * The image from which this one was made; null for an image that was made from none. Children are not recorded: they
   * name their parent. The records of earlier versions lack these three fields: see `readParent`, `readOutputs`.
   */
  parent?: ParentImage | null;
  /** What the image was made from, besides its parent. */
  inputs?: ImageInput[];
  /** The files that were made. Empty until the build is complete. */
  outputs?: ImageOutput[];

  /** The following fields are set for target images only. `target`: name of the target, such as `ec2`. */
  target?: string;
  /** UUID of the base image from which the target image was made. */
  base_image_id?: string;
  /** Digest of the base image's bytes, as Glance computed it. */
  base_image_checksum?: { algorithm: string; value: string } | null;
  /**
   * The prepared image that was converted instead of the base image: Glance's id, the digest of the base image and of
   * all that was done in the guest, and the steps that were done there. Unset when the base image was converted as it
   * is.
   */
  prepared?: { glance_id: string; digest: string; reused: boolean; steps: string[] };
  /** Name of the format, such as `raw`. */
  format?: string;
  /** Bytes of the disk in the file. */
  virtual_size?: number;
  /** Digests of the file `data`, in hexadecimal. */
  sha256?: string;
  sha512?: string;
  /** How the output was compared with its source, for people. */
  verified_by?: string;
  /** The program that converted the disk, with its version. */
  converter?: string;
  /** With what firmware machines of the image start. Unset in records of earlier versions: BIOS. */
  firmware?: 'bios' | 'uefi';
  /** Whether its machines need Secure Boot. Unset in records of earlier versions: no. */
  secure_boot?: boolean;
  /** What OpenStack says of the guest, as properties of its base image: `hw_machine_type`, `os_distro`. */
  guest_properties?: Readonly<Record<string, string>>;

  /** The following fields are set for provider images only. `target_image_id`: UUID of the image that was pushed. */
  target_image_id?: string;
  /** Name of the provider in the worker's configuration, or of the file that described it. */
  provider?: string;
  /** Kind of the provider: `glance`, `ec2`. */
  provider_kind?: string;
  /** What the user's file said of the provider. Unset when the worker's configuration has the provider. */
  provider_definition?: Readonly<Record<string, unknown>>;
  /** `given`: the user has given credentials with the command. Unset: the worker's own were used. */
  provider_credentials?: 'given';
  /** Where the provider is, for people. */
  provider_location?: string;
  /** The account, project or tenant at the provider. Null when it is not known. */
  provider_account_identifier?: string | null;
  /** The id of the image on the provider. Set when the image is registered. */
  identifier_on_provider?: string;
  /** The image at the provider, with all that belongs to it. */
  registered?: Omit<RegisteredImage, 'verifiedBy'>;
  /** The accounts that may use the image. */
  shared_with?: string[];
}
