import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { type ArchiveFile, textFile, writeChunks } from '../bytes/content.js';
import { compress } from './gzip.js';
import { goArch } from './go-arch.js';
import { padding, TAR_BLOCK, writeTar, writeTarHeader } from './tar.js';

/*
 * A container image of one layer as one file: an OCI image layout (image-spec 1.0) in a tar, with the `manifest.json`
 * that `docker load` reads beside it. `skopeo` and `podman` read it as `oci-archive:` and as `docker-archive:`.
 */

const OCI_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;
export const OCI_FILES = { layout: 'oci-layout', index: 'index.json', docker: 'manifest.json' } as const;

/** The image's date, which is no date: with the real one, two conversions would differ. */
const CREATED = '1970-01-01T00:00:00Z';
const TAG = 'latest';

/** What a container image holds and says. */
export interface ContainerImage {
  /** Name of the image, for the repository's name in lower case. */
  name: string;
  /** The architecture's name in records: `x86_64`, `aarch64`. */
  arch: string;
  /** The layer: an uncompressed tar. */
  layer: AsyncIterable<Buffer>;
  /** How a container is started. Left out where nothing can be started. */
  config?: { Env: readonly string[]; Cmd: readonly string[]; Labels?: Readonly<Record<string, string>> };
}

/** A blob, as manifests name it. */
interface Descriptor {
  mediaType: string;
  digest: string;
  /** bytes */
  size: number;
}

/**
 * Writes a container image. The layer is compressed as it comes, and stands first in the archive: its header, which has
 * its digest, is written at last. The same layer gives the same bytes.
 */
export async function writeOciArchive(path: string, image: ContainerImage): Promise<void> {
  const layer = { diff: createHash('sha256'), compressed: createHash('sha256'), size: 0 };
  let header: Buffer = Buffer.alloc(TAR_BLOCK);
  await writeChunks(path, writeParts());
  const file = await open(path, 'r+');
  try {
    await file.write(header, 0, header.length, 0);
  } finally {
    await file.close();
  }

  async function* writeParts(): AsyncGenerator<Buffer> {
    yield header;
    for await (const chunk of hashChunks(compress(hashChunks(image.layer, layer.diff)), layer.compressed)) {
      layer.size += chunk.length;
      yield chunk;
    }
    yield Buffer.alloc(padding(layer.size));
    const digest = nameDigest(layer.compressed);
    header = writeTarHeader({ name: blobName(digest), size: layer.size }, 'oldgnu');
    yield* writeTar(describe(image, { digest, size: layer.size, diff: nameDigest(layer.diff) }), 'oldgnu');
  }
}

/** Writes the files that describe the layer. */
function describe(
  { name, arch, config }: ContainerImage,
  layer: { digest: string; size: number; diff: string },
): ArchiveFile[] {
  const platform = { architecture: goArch(arch), os: 'linux' };
  const configFile = JSON.stringify({
    created: CREATED,
    ...platform,
    ...(config === undefined ? {} : { config }),
    rootfs: { type: 'layers', diff_ids: [layer.diff] },
    history: [{ created: CREATED, created_by: 'imagefactory' }],
  });
  const configBlob = describeText(OCI_TYPES.config, configFile);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_TYPES.manifest,
    config: configBlob,
    layers: [{ mediaType: OCI_TYPES.layer, digest: layer.digest, size: layer.size }],
  });
  const repository = nameRepository(name);
  const manifestBlob = {
    ...describeText(OCI_TYPES.manifest, manifest),
    platform,
    annotations: {
      'io.containerd.image.name': `docker.io/library/${repository}:${TAG}`,
      'org.opencontainers.image.ref.name': TAG,
    },
  };
  const docker = {
    Config: blobName(configBlob.digest),
    RepoTags: [`${repository}:${TAG}`],
    Layers: [blobName(layer.digest)],
  };
  return [
    textFile(blobName(configBlob.digest), configFile),
    textFile(blobName(manifestBlob.digest), manifest),
    textFile(
      OCI_FILES.index,
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_TYPES.index, manifests: [manifestBlob] }),
    ),
    textFile(OCI_FILES.layout, JSON.stringify({ imageLayoutVersion: '1.0.0' })),
    textFile(OCI_FILES.docker, JSON.stringify([docker])),
  ];
}

function describeText(mediaType: string, text: string): Descriptor {
  return { mediaType, digest: nameDigest(createHash('sha256').update(text)), size: Buffer.byteLength(text) };
}

/** Passes the chunks of a stream on, and adds them to a digest. */
export async function* hashChunks(stream: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Ends a digest, and writes it as OCI does. */
export function nameDigest(hash: Hash): string {
  return `sha256:${hash.digest('hex')}`;
}

/** Returns the name of a blob's file: `blobs/sha256/…`. */
export function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** Makes the name of a repository of an image's name: lower case, and single separators between letters and digits. */
function nameRepository(name: string): string {
  const words = name.toLowerCase().split(/[^a-z\d]+/);
  return words.filter((word) => word !== '').join('-') || 'image';
}
