import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { DiskFormatName, FormatName } from '../../domain/target-formats.js';
import { marksOfPushed } from '../../domain/provider-marks.js';
import { nameDigest } from '../../formats/archive/oci.js';
import { MIB } from '../../formats/bytes/sizes.js';
import type { PushedImage } from '../types.js';
import { type Descriptor, readArchive } from './archive.js';

/** A blob that is pushed. */
export interface Blob extends Descriptor {
  /** What it is, for people: "layer of debian-12". */
  title: string;
  /** Reads the bytes from an offset, and `length` of them. */
  read(offset: number, length: number): AsyncIterable<Buffer>;
}

/** A manifest that is pushed. */
export interface Manifest {
  mediaType: string;
  digest: string;
  text: string;
}

/** What is pushed for an image. */
export interface ImageContent {
  /** Everything that the manifests name. The large one is first. */
  blobs: Blob[];
  /** Makes the manifest of the image. */
  describe(creator: string): Manifest;
  /** Makes the manifests of the documents about the image, which refer to its manifest. */
  describeDocuments(subject: Manifest, creator: string): Manifest[];
}

export const MEDIA_TYPES = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
  /** The type of a disk as an artifact: what its layer is, says the layer's own type. */
  disk: 'application/vnd.imagefactory-nova.image.v1',
  record: 'application/vnd.imagefactory-nova.record.v1+json',
  icicle: 'application/vnd.imagefactory-nova.icicle.v1+xml',
} as const;

/** The types of disks in shared-mime-info, where it knows them. */
const DISK_TYPES: Readonly<Record<Exclude<DiskFormatName, 'containerdisk'> | 'wsl', string>> = {
  qcow2: 'application/x-qemu-disk',
  raw: 'application/x-raw-disk-image',
  vmdk: 'application/x-vmdk-disk',
  vhd: 'application/x-vhd-disk',
  'vhd-dynamic': 'application/x-vhd-disk',
  vhdx: 'application/x-vhdx-disk',
  vdi: 'application/x-vdi-disk',
  ova: 'application/ovf+tar',
  gce: 'application/gzip',
  'vagrant-libvirt': 'application/gzip',
  'vagrant-virtualbox': 'application/gzip',
  wsl: 'application/gzip',
};
const TITLE = 'org.opencontainers.image.title';

/** Whether files of a format are pushed as container images, so that `docker pull` and KubeVirt can use them. */
function isContainerImage(format: FormatName): format is 'oci' | 'containerdisk' {
  return format === 'oci' || format === 'containerdisk';
}

/** Reads what is pushed for an image. Reads the file's descriptions only, never its whole. */
export async function readContent(image: PushedImage): Promise<ImageContent> {
  const { path, format, name, size, sha256 } = image.file;
  if (isContainerImage(format)) {
    const { config, layers, locate } = await readArchive(path);
    const place = (blob: Descriptor, title: string): Blob => fileBlob(path, blob, title, locate(blob).offset);
    const blobs = [...layers.map((layer) => place(layer, name)), place(config, `configuration of ${name}`)];
    return describeContent(image, blobs, { config, layers });
  }
  const layer = {
    mediaType: DISK_TYPES[format],
    digest: `sha256:${sha256}`,
    size,
    annotations: { [TITLE]: name },
  };
  const empty = textBlob(MEDIA_TYPES.empty, '{}', 'empty configuration');
  const parts = { artifactType: MEDIA_TYPES.disk, config: descriptorOf(empty), layers: [layer] };
  return describeContent(image, [fileBlob(path, layer, name, 0), empty], parts);
}

function describeContent(
  image: PushedImage,
  blobs: readonly Blob[],
  parts: { artifactType?: string; config: Descriptor; layers: Descriptor[] },
): ImageContent {
  const empty = textBlob(MEDIA_TYPES.empty, '{}', 'empty configuration');
  const documents = documentsOf(image);
  const annotate = (title: string, creator: string): Record<string, string> => ({
    [TITLE]: title,
    ...marksOfPushed(image, creator),
  });
  const wanted = [...blobs, ...documents.map(({ blob }) => blob), empty];
  return {
    blobs: [...new Map(wanted.map((blob) => [blob.digest, blob])).values()],
    describe: (creator) => makeManifest({ ...parts, annotations: annotate(image.name, creator) }),
    describeDocuments: ({ mediaType, digest, text }, creator) =>
      documents.map(({ type, blob }) =>
        makeManifest({
          artifactType: type,
          config: descriptorOf(empty),
          layers: [{ ...descriptorOf(blob), annotations: { [TITLE]: blob.title } }],
          subject: { mediaType, digest, size: Buffer.byteLength(text) },
          annotations: annotate(blob.title, creator),
        }),
      ),
  };
}

function documentsOf({ documents: { record, icicle } }: PushedImage): { type: string; blob: Blob }[] {
  const list: { type: string; blob: Blob }[] = [
    { type: MEDIA_TYPES.record, blob: textBlob('application/json', record, 'record.json') },
  ];
  if (icicle !== undefined) {
    list.push({ type: MEDIA_TYPES.icicle, blob: textBlob('application/xml', icicle, 'icicle.xml') });
  }
  return list;
}

/** Writes a manifest. The same parts give the same bytes, and so the same digest. */
export function makeManifest(
  parts: Readonly<Record<string, unknown>>,
  mediaType: string = MEDIA_TYPES.manifest,
): Manifest {
  const text = JSON.stringify({ schemaVersion: 2, mediaType, ...parts });
  return { mediaType, digest: nameDigest(createHash('sha256').update(text)), text };
}

function descriptorOf({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function textBlob(mediaType: string, text: string, title: string): Blob {
  const content = Buffer.from(text);
  return {
    mediaType,
    digest: nameDigest(createHash('sha256').update(content)),
    size: content.length,
    title,
    async *read(offset, length) {
      yield content.subarray(offset, offset + length);
    },
  };
}

function fileBlob(path: string, descriptor: Descriptor, title: string, start: number): Blob {
  return {
    ...descriptor,
    title,
    read: (offset, length) =>
      createReadStream(path, { start: start + offset, end: start + offset + length - 1, highWaterMark: MIB }),
  };
}
