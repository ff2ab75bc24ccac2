/** The image that a build customises instead of a system that it installs: parameter `jeos`. */
export interface GivenImage {
  /** Where the image is: `glance:UUID`, or a URL. */
  source: string;
  /** Id of the image in Glance. Unset when it comes from a file. */
  imageId?: string;
  /** Name of the image in Glance. Unset when it comes from a file. */
  name?: string;
  /** Size and time of the last change of a file of the worker's machine. Unset for other images. */
  version?: string;
  /** The digest that the file must have, as `sha256:…` or `sha512:…`. Unset: any digest is accepted. */
  checksum?: string;
}

/** Where a given image was, and the digest of its bytes: null when Glance knows none. */
export interface GivenOrigin {
  source: string;
  checksum: { algorithm: string; value: string } | null;
}

/** A given image in Glance. It takes the place of a JEOS. */
export interface PreparedImage {
  imageId: string;
  reused: boolean;
  /** Always true: no build marks an image of somebody else as proven. */
  proven: boolean;
  /** Glance's min_disk of the image, in GiB. Unset where Glance has none. */
  minDisk?: number;
  given: GivenOrigin;
}
