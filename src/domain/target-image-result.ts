/** A converted disk: the output of a target image. */
export interface ConvertedDisk {
  /** Name of the file for people, with the extension of its format. Unset in results of earlier versions. */
  name?: string;
  /** Bytes of the file. */
  size: number;
  /** Bytes of the disk that a guest sees. It is larger than the source's where the format needs that. */
  virtualSize: number;
  /** Digests of the file, in hexadecimal. */
  sha256: string;
  sha512: string;
  /** How the file was verified, for people: "qemu-img compare with the source, qemu-img check". */
  verifiedBy: string;
  /** The programs that wrote the file, with their versions: "qemu-img 7.2.22". */
  converter: string;
}

/** Result of targetImage: the essential fields of the record. */
export interface TargetImageResult {
  uuid: string;
  /** Name of the target, such as `ec2`. */
  target: string;
  /** Name of the format, such as `raw`. */
  format: string;
  /** UUID of the base image. */
  baseImage: string;
  /** The prepared image that was converted. Unset when the base image was converted as it is. */
  prepared?: { glance_id: string; digest: string; reused: boolean; steps: string[] };
  /** Path of the converted file on the worker's machine. */
  body: string;
  disk: ConvertedDisk;
  /** With what firmware machines of the image start, and whether they need Secure Boot. Unset: BIOS, no. */
  firmware?: 'bios' | 'uefi';
  secureBoot?: boolean;
  /** What OpenStack says of the guest, by its property names. Unset: nothing is known. */
  guestProperties?: Readonly<Record<string, string>>;
}
