import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ByteReader, readChunks } from '../bytes/content.js';
import { KIB } from '../bytes/sizes.js';
import { gunzip } from './gunzip.js';
import { blobName, hashChunks, nameDigest, OCI_FILES } from './oci.js';
import { readTar, TarError } from './read-tar.js';

/* A reader of container images that trusts nothing the writer has said: it computes every digest from the file. */

/** Files that are kept to be read. The largest file is the layer, which is not. */
const LARGEST_TEXT = 64 * KIB;

const DESCRIPTOR = z.looseObject({ digest: z.string(), size: z.number() });
const INDEX = z.looseObject({ manifests: z.array(DESCRIPTOR).length(1) });
const MANIFEST = z.looseObject({ config: DESCRIPTOR, layers: z.array(DESCRIPTOR).length(1) });
const CONFIG = z.looseObject({ rootfs: z.looseObject({ diff_ids: z.array(z.string()).length(1) }) });
const DOCKER = z.array(z.looseObject({ Config: z.string(), Layers: z.array(z.string()).length(1) })).length(1);

/** Where a file is in the archive. Its content is known where it is small. */
interface Member {
  size: number;
  digest: string;
  text: string | undefined;
}

/**
 * Checks a container image: the digests and sizes of all its parts, and that the descriptions of both kinds name the
 * same layer.
 *
 * @param checkLayer reads the unpacked layer to its end, and returns what is wrong with it
 * @returns what is wrong, in words; undefined when nothing is
 */
export async function findOciError(
  path: string,
  checkLayer: (layer: AsyncIterable<Buffer>) => Promise<string | undefined>,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    const members = await readMembers(path, signal);
    const { layer, diff } = findLayer(members);
    return await checkUnpacked(path, layer, diff, checkLayer, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TarError || error instanceof z.ZodError || error instanceof SyntaxError) {
      return `the container image cannot be read: ${error.message}`;
    }
    if (error instanceof ImageError) return error.message;
    throw error;
  }
}

/** The error of an image whose parts do not fit together. */
class ImageError extends Error {}

async function readMembers(path: string, signal: AbortSignal | undefined): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  const file = new ByteReader(readChunks(path, signal));
  try {
    for await (const { name, size, read } of readTar(file)) {
      const hash = createHash('sha256');
      const chunks: Buffer[] = [];
      for await (const chunk of hashChunks(read(), hash)) if (size <= LARGEST_TEXT) chunks.push(chunk);
      const text = size <= LARGEST_TEXT ? Buffer.concat(chunks).toString('utf8') : undefined;
      if (members.has(name)) throw new ImageError(`the container image has two files ${name}`);
      members.set(name, { size, digest: nameDigest(hash), text });
    }
  } finally {
    await file.close();
  }
  return members;
}

/** Follows the descriptions from the index to the layer. */
function findLayer(members: ReadonlyMap<string, Member>): { layer: string; diff: string } {
  const parse = <T>(schema: z.ZodType<T>, name: string): T =>
    schema.parse(JSON.parse(members.get(name)?.text ?? 'null'));
  const findBlob = ({ digest, size }: z.infer<typeof DESCRIPTOR>): string => {
    const member = members.get(blobName(digest));
    if (member?.digest !== digest || member.size !== size) {
      throw new ImageError(`the container image has no blob ${digest} of ${size} bytes`);
    }
    return blobName(digest);
  };
  const index = parse(INDEX, OCI_FILES.index);
  const manifest = parse(MANIFEST, findBlob(index.manifests[0] as z.infer<typeof DESCRIPTOR>));
  const config = findBlob(manifest.config);
  const layer = findBlob(manifest.layers[0] as z.infer<typeof DESCRIPTOR>);
  const docker = parse(DOCKER, OCI_FILES.docker)[0];
  if (docker?.Config !== config || docker.Layers[0] !== layer) {
    throw new ImageError('manifest.json of the container image names other files than its index');
  }
  return { layer, diff: parse(CONFIG, config).rootfs.diff_ids[0] as string };
}

async function checkUnpacked(
  path: string,
  layer: string,
  diff: string,
  checkLayer: (layer: AsyncIterable<Buffer>) => Promise<string | undefined>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const file = new ByteReader(readChunks(path, signal));
  try {
    for await (const { name, read } of readTar(file)) {
      if (name !== layer) continue;
      const hash = createHash('sha256');
      const error = await checkLayer(hashChunks(gunzip(read()), hash));
      if (error !== undefined) return error;
      return nameDigest(hash) === diff
        ? undefined
        : 'the unpacked layer has another digest than the container image says';
    }
    return 'the container image has no layer';
  } finally {
    await file.close();
  }
}
