/** What an upload has left at the provider. It is small, and has no secret: it goes through Temporal. */
export interface UploadedFile {
  /** What `register` needs, by name: the id of a snapshot, the URL of a blob, a digest. */
  ids: Readonly<Record<string, string>>;
  /** Bytes that this attempt has sent. Fewer than the file has where holes or finished parts were left out. */
  sent: number;
  /** How the provider's copy was compared with the file, for people: "SHA-256 of every block, checked by EBS". */
  verifiedBy: string;
}

/** An image at a provider. `delete` needs nothing else. */
export interface RegisteredImage {
  /** The id of the image on the provider, as `Image ID on provider` shows it: `ami-0…`. */
  id: string;
  /** Where it is: an ARN, a self link, a URL. */
  location: string;
  account?: string;
  region?: string;
  /** Other things that belong to the image, each with its kind: the snapshot of an AMI. */
  resources: readonly { kind: string; id: string }[];
  /** How the image was compared with the file, for people. */
  verifiedBy: string;
}
