/** The image from which a base image was made: a JEOS that we have installed, or an image that was given. */
export type JeosOfImage = {
  glance_id: string;
  /** Digest of everything that determines the content of the image. */
  digest: string;
  reused: boolean;
  /** Where an image was that was given: `glance:UUID`, or a URL. Unset for a JEOS that we have installed. */
  source?: string;
  /** Digest of the bytes of an image that was given; null when Glance knows none. Unset as `source`. */
  checksum?: { algorithm: string; value: string } | null;
};
