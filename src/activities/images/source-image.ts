import type { Image } from '../../openstack/types.js';

/** An image in Glance that is converted. */
export interface SourceImage {
  /** Glance's id of the image. */
  imageId: string;
  /** Glance's word for the format of the image: `qcow2`, `raw`. */
  diskFormat: string;
  /** Glance's digest of the image's bytes, in hexadecimal. */
  digest: string;
}

/** Describes an image of Glance as the source of a conversion. */
export function describeSource(image: Image): SourceImage {
  return {
    imageId: image.id,
    diskFormat: String(image.disk_format),
    digest: String(image.os_hash_value ?? image.checksum),
  };
}
