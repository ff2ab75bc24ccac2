import { createHash } from 'node:crypto';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { sourceMark } from '../../domain/provider-marks.js';
import { readBlocks } from '../transfer/blocks.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, PushedImage } from '../types.js';
import { crc32c, formatCrc32c } from './crc32c.js';
import type { Bucket } from './storage.js';

const NOTE = 'gce-upload';
/** Bytes that are read and digested at once. */
const BLOCK = 4 * 1024 * 1024;

const uploadNotes = z.object({
  /** The mark of the file: another file's notes are not used. */
  source: z.string(),
  /** Where the upload is. Notes of earlier versions do not say it. */
  bucket: z.string().optional(),
  endpoint: z.string().optional(),
  /** Digests of the file in base64, as Cloud Storage has them. */
  crc32c: z.string(),
  md5Hash: z.string(),
  /** Address of the upload. Whoever knows it can send the bytes of this one object, and nothing else. */
  address: z.string().optional(),
});

/** What one attempt leaves for the next, so that it need not read the whole file again, nor send it again. */
export type UploadNotes = z.infer<typeof uploadNotes>;

/** Reads the notes of an upload, whichever image's file it was. Undefined when there are none that can be read. */
export async function findUploadNotes(operation: Operation): Promise<UploadNotes | undefined> {
  const text = await operation.notes.read(NOTE);
  if (text === undefined) return undefined;
  try {
    return uploadNotes.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export async function writeUploadNotes(operation: Operation, notes: UploadNotes): Promise<void> {
  await operation.notes.write(NOTE, JSON.stringify(notes));
}

/** Forgets the address of an upload, and keeps the digests of its file. */
export async function forgetUpload(operation: Operation, notes: UploadNotes): Promise<void> {
  delete notes.address;
  await writeUploadNotes(operation, notes);
}

/**
 * Reads the notes of this file's upload to this bucket, or begins them with the digests of the file. An upload of
 * another file, or to another bucket, is given up.
 */
export async function openUploadNotes(operation: Operation, bucket: Bucket, image: PushedImage): Promise<UploadNotes> {
  const source = sourceMark(image);
  const { name, endpoint } = bucket;
  const found = await findUploadNotes(operation);
  const isSameFile = found?.source === source;
  if (isSameFile && found.bucket === name && found.endpoint === endpoint) return found;
  if (found?.address !== undefined) await giveUp(operation, bucket, found.address);
  // The digests are those of the file, wherever it is sent.
  const { crc32c, md5Hash } = isSameFile ? found : await digestFile(operation, image);
  const notes = { source, bucket: name, endpoint, crc32c, md5Hash };
  await writeUploadNotes(operation, notes);
  return notes;
}

/** Gives an earlier upload up, if it is at this endpoint. One that stays is forgotten by Cloud Storage after a week. */
async function giveUp(operation: Operation, bucket: Bucket, address: string): Promise<void> {
  if (!bucket.isUpload(address)) return;
  try {
    await retryPart(operation, () => bucket.cancelUpload(address, operation.signal));
  } catch (error) {
    operation.signal.throwIfAborted();
    if (!(error instanceof FactoryError)) throw error;
  }
}

async function digestFile(
  operation: Operation,
  { file }: PushedImage,
): Promise<Pick<UploadNotes, 'crc32c' | 'md5Hash'>> {
  const md5 = createHash('md5');
  let checksum = 0;
  for await (const { data, length, offset } of readBlocks(file.path, BLOCK, { signal: operation.signal })) {
    const bytes = data ?? Buffer.alloc(length);
    md5.update(bytes);
    checksum = crc32c(bytes, checksum);
    const percent = Math.floor(((offset + length) / file.size) * 100);
    operation.report({ message: `reading ${file.name}, to compare it with its copy later: ${percent} %` });
  }
  return { crc32c: formatCrc32c(checksum), md5Hash: md5.digest('base64') };
}
