import { toFileName } from './file-name.js';

/** A digest of content, in hexadecimal. */
export interface Digest {
  algorithm: string;
  value: string;
}

/** The image from which an image was made. */
export interface ParentImage {
  /** UUID of the image. */
  id: string;
  /** Digest of the image's bytes. Null when it is not known. */
  digest: Digest | null;
}

/** The kinds of things that an image is made from, besides its parent. */
export type InputKind =
  /** The template, as the user gave it. */
  | 'template'
  /** The install script, with its placeholders filled in. */
  | 'install_script'
  /** A file or command that the template names by URL. */
  | 'content'
  /** The parameters. */
  | 'options'
  /** The JEOS. The digest is that of everything that the JEOS is made from. */
  | 'jeos'
  /** What the JEOS was installed from: kernel, ramdisk, iso, drivers. */
  | 'medium'
  /** An image that was not built here, and became a base image. */
  | 'source'
  /** The in-guest profile of a target. */
  | 'profile'
  /** The program that converted the disk. The name has the version. */
  | 'converter';

/** Something that an image was made from. */
export interface ImageInput {
  /** `template`, `jeos`, `medium` and others, or a kind that a newer version has added. */
  kind: string;
  /** What it is, for people: a name, a URL without its password, an id. */
  name: string;
  /** Null when there is none, as for a program. */
  digest: Digest | null;
}

/** A file that a build has made. */
export interface ImageOutput {
  /** Name of the file, as `download` writes it. */
  name: string;
  /** Name of the format: `qcow2`, `vmdk`. Null when Glance did not tell it. */
  format: string | null;
  /** Bytes of the file. Null when they are not known. */
  size: number | null;
  /** Bytes of the disk in the file. Null when they are not known. */
  virtual_size: number | null;
  /** Digests of the file in hexadecimal, by algorithm: `sha256`, `sha512`, `md5`. Empty when there are none. */
  digests: Readonly<Record<string, string>>;
  /** How the file was verified, for people. Null when it was not. */
  verified_by: string | null;
}

/** The fields of a record from which its lineage is read. Records of earlier versions lack some of them. */
export interface LineageFields {
  parent?: ParentImage | null;
  outputs?: ImageOutput[];
  status?: string;
  name?: string;
  size?: number | null;
  checksum?: Digest | null;
  checksum_md5?: string | null;
  target?: string;
  base_image_id?: string;
  base_image_checksum?: Digest | null;
  format?: string;
  virtual_size?: number;
  sha256?: string;
  sha512?: string;
  verified_by?: string;
}

/** Returns the image from which an image was made; undefined when it was made from none. */
export function readParent(record: LineageFields): ParentImage | undefined {
  if (record.parent !== undefined) return record.parent ?? undefined;
  const { base_image_id: id, base_image_checksum: digest = null } = record;
  return id === undefined ? undefined : { id, digest };
}

/** Returns the files that a build has made. Records of earlier versions have them in other fields. */
export function readOutputs(record: LineageFields): ImageOutput[] {
  if (record.outputs !== undefined) return record.outputs;
  if (record.status !== 'COMPLETE') return [];
  const { name = '', target, format = null, size = null, virtual_size: virtualSize = null } = record;
  return [
    {
      name: nameOutput({ name, target, extension: format }),
      format,
      size,
      virtual_size: virtualSize,
      digests: listDigests(record),
      verified_by: record.verified_by ?? null,
    },
  ];
}

/** Lists the digests of an image's bytes that are in the fields of its record, by algorithm. */
export function listDigests({ checksum, checksum_md5: md5, sha256, sha512 }: LineageFields): Record<string, string> {
  return {
    ...(md5 == null ? {} : { md5 }),
    ...(checksum == null ? {} : { [checksum.algorithm]: checksum.value }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(sha512 === undefined ? {} : { sha512 }),
  };
}

/** Algorithms of digests, the best first. */
const BEST_DIGESTS = ['sha512', 'sha256', 'sha384', 'sha1', 'md5'];

/** Returns the best of an output's digests; undefined when it has none. */
export function readBestDigest({ digests }: Pick<ImageOutput, 'digests'>): Digest | undefined {
  const algorithm = BEST_DIGESTS.find((name) => digests[name] !== undefined) ?? Object.keys(digests)[0];
  const value = algorithm === undefined ? undefined : digests[algorithm];
  return algorithm === undefined || value === undefined ? undefined : { algorithm, value };
}

/** Makes the name of an image's file from the names of its template and its target, and from its format. */
export function nameOutput(image: { name: string; target?: string | undefined; extension: string | null }): string {
  const base = image.target === undefined ? image.name : `${image.name}-${image.target}`;
  return `${toFileName(base)}.${image.extension === null ? 'img' : toFileName(image.extension)}`;
}
