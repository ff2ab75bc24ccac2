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
  resources: { kind: string; id: string }[];
  /** How the image was compared with the file, for people. */
  verifiedBy: string;
}

/** A provider of the workers, as `imagefactory providers` lists it. */
export interface DescribedProvider {
  /** Name in the worker's configuration. */
  name: string;
  kind: string;
  /** Where it is, for people. Null when the provider could not be connected. */
  location: string | null;
  account: string | null;
  region: string | null;
  /** What was tried with the provider. Empty when nothing was asked for. */
  findings: Finding[];
}

/** Something that a check of a provider has tried. */
export interface Finding {
  /** What was tried: "create images", "the bucket images". */
  what: string;
  ok: boolean;
  /** What the provider has answered. Unset when all is well. */
  message?: string;
  /** What the user can do. */
  hint?: string;
}

/** Result of providerImage: the essential fields of the record. */
export interface ProviderImageResult {
  uuid: string;
  /** Name of the provider. */
  provider: string;
  /** Kind of the provider: `glance`, `ec2`. */
  kind: string;
  /** UUID of the target image. */
  targetImage: string;
  /** Path of the pushed file on the worker's machine. */
  body: string;
  registered: RegisteredImage;
  /** The accounts that may use the image. */
  sharedWith: string[];
  /** Bytes that the last attempt of the upload has sent. */
  sent: number;
}

/** Input of readProviders. */
export interface ReadProvidersInput {
  /** Whether the providers are asked if the credentials work and the permissions are there. */
  check: boolean;
  /** Name of the only provider that is wanted. Unset: all. */
  name?: string;
}

/** Result of prepareCredentials: the key to which a client encrypts credentials. */
export interface CredentialsKey {
  keyId: string;
  /** Public key: X25519, SPKI, base64. */
  publicKey: string;
}
