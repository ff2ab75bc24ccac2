import { defined } from '../../domain/defined.js';
import { readExpectedDigest } from '../../openstack/image/transfer.js';
import type { Image } from '../../openstack/types.js';
import type { FileDigest } from '../../store/image-cache.js';

/** An image in Glance that is converted. */
export interface SourceImage {
  /** Glance's id of the image. */
  imageId: string;
  /** Glance's word for the format of the image: `qcow2`, `raw`. */
  diskFormat: string;
  /** Glance's digest of the image's bytes. Unset when Glance has none. */
  digest?: FileDigest;
  /** bytes */
  size: number;
}

/** Describes an image of Glance as the source of a conversion. */
export function describeSource(image: Image): SourceImage {
  return {
    imageId: image.id,
    diskFormat: String(image.disk_format),
    size: image.size ?? 0,
    ...defined({ digest: readExpectedDigest(image) }),
  };
}
