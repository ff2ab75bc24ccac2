import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { blobName, nameDigest, OCI_FILES } from '../../formats/archive/oci.js';
import { padding, readTarHeader, TAR_BLOCK } from '../../formats/archive/tar.js';

/*
 * Reads where the parts of a container image are in its archive, which `src/formats/archive/oci.ts` has written. The
 * archive is as large as its layer: only the headers and the small files are read.
 */

/** Where a file of the archive is: bytes. */
interface ArchivedFile {
  offset: number;
  size: number;
}

/** Most bytes of a description. */
const LARGEST_TEXT = 1024 * 1024;

const DESCRIPTOR = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.number().int().nonnegative(),
});
const INDEX = z.object({ manifests: z.array(DESCRIPTOR).length(1) });
const MANIFEST = z.object({ config: DESCRIPTOR, layers: z.array(DESCRIPTOR).min(1) });

/** A blob, as manifests name it. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  /** bytes */
  size: number;
  annotations?: Record<string, string>;
}

/** A container image in an archive. */
export interface ArchivedImage {
  config: Descriptor;
  layers: Descriptor[];
  /** Finds a blob of the image. */
  locate(descriptor: Descriptor): ArchivedFile;
}

/**
 * Reads the descriptions of a container image.
 *
 * @throws FactoryError ImageFailed when the file is no such archive
 */
export async function readArchive(path: string): Promise<ArchivedImage> {
  const file = await open(path, 'r');
  try {
    const files = await listFiles(file);
    const locate = ({ digest, size }: Descriptor): ArchivedFile => {
      const found = files.get(blobName(digest));
      if (found?.size !== size) throw new Error(`it has no blob ${digest} of ${size} bytes`);
      return found;
    };
    const index = INDEX.parse(JSON.parse(await readText(file, files.get(OCI_FILES.index))));
    const [described] = index.manifests;
    const text = await readText(file, described && locate(described));
    if (nameDigest(createHash('sha256').update(text)) !== described?.digest)
      throw new Error('its manifest was changed');
    const { config, layers } = MANIFEST.parse(JSON.parse(text));
    for (const blob of [config, ...layers]) locate(blob);
    return { config, layers, locate };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FactoryError('ImageFailed', `the file is no container image that can be pushed: ${reason}`, {
      cause: error,
    });
  } finally {
    await file.close();
  }
}

async function listFiles(file: FileHandle): Promise<Map<string, ArchivedFile>> {
  const files = new Map<string, ArchivedFile>();
  for (let at = 0; ;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(TAR_BLOCK), 0, TAR_BLOCK, at);
    const header = readTarHeader(buffer.subarray(0, bytesRead));
    if (header === undefined) return files;
    const { name, size } = header;
    if (!Number.isSafeInteger(size)) throw new Error('it is no tar');
    files.set(name, { offset: at + TAR_BLOCK, size });
    at += TAR_BLOCK + size + padding(size);
  }
}

async function readText(file: FileHandle, place: ArchivedFile | undefined): Promise<string> {
  if (place === undefined) throw new Error('it has no index');
  if (place.size > LARGEST_TEXT) throw new Error(`a description has ${place.size} bytes`);
  const { buffer } = await file.read(Buffer.alloc(place.size), 0, place.size, place.offset);
  return buffer.toString('utf8');
}
