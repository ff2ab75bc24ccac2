import { createHash } from 'node:crypto';
import { z } from 'zod';
import { sourceMark } from '../../domain/provider-marks.js';
import { readBlocks } from '../transfer/blocks.js';
import type { Operation, PushedImage } from '../types.js';
import { crc32c, formatCrc32c } from './crc32c.js';

const NOTE = 'gce-upload';
/** Bytes that are read and digested at once. */
const BLOCK = 4 * 1024 * 1024;

const uploadNotes = z.object({
  /** The mark of the file: another file's notes are not used. */
  source: z.string(),
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

/** Reads the notes of this file's upload, or begins them with the digests of the file. */
export async function openUploadNotes(operation: Operation, image: PushedImage): Promise<UploadNotes> {
  const source = sourceMark(image);
  const found = await findUploadNotes(operation);
  if (found?.source === source) return found;
  const notes = { source, ...(await digestFile(operation, image)) };
  await writeUploadNotes(operation, notes);
  return notes;
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
