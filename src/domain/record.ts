import type { RecordType } from './image-kinds.js';
import type { ImageStatus } from './status.js';

/**
 * What is kept of an image: the content of `<uuid>.meta`. The first block is imagefactory's own set of fields (its
 * PersistentImage and BaseImage), the second what it left out.
 */
export interface BuildRecord {
  identifier: string;
  /** Class name as imagefactory wrote it. */
  type: RecordType;
  /** Path of the body, whether or not it was fetched. */
  data: string;
  /** The TDL, its root password masked. */
  template: string;
  /** The ICICLE document, or null before there is one. */
  icicle: string | null;
  status: ImageStatus;
  status_detail: { activity: string; error: string | null };
  /** 0 to 100. */
  percent_complete: number;
  /** Parameters as given; the install script's text included, as imagefactory kept it, its passwords masked. */
  parameters: Record<string, unknown>;
  /** imagefactory's Nova plugin kept the image id as `x-image-properties-glance_id`. */
  properties: Record<string, unknown>;

  /** Workflow that made it. */
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
  jeos: { glance_id: string; digest: string; reused: boolean } | null;
  /** Number of packages in the ICICLE. */
  packages: number | null;
  /** Seconds a step took, by step name. */
  timings: Record<string, number>;
  /** Whether `data` holds the image's bytes. */
  downloaded: boolean;
}
