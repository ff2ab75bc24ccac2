import type { UploadedFile } from '../../domain/provider-image.js';
import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs, marksOfPushed } from '../../domain/provider-marks.js';
import { type Block, readBlocks } from '../transfer/blocks.js';
import { runConcurrently } from '../transfer/run-concurrently.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import type { BlobStore, StoredBlob, WrittenRange } from './blob-store.js';
import { blobName } from './names.js';

/** Bytes of one write: the most that Put Page takes. Every range begins and ends at a multiple of 512. */
const BLOCK_SIZE = 4 * 1024 * 1024;
/** Writes at the same time. Each needs some 10 MiB of memory, with what the SDK and the socket hold. */
const CONNECTIONS = 6;

/** The metadata of a blob beside our marks. Names of metadata are identifiers. */
export const BLOB_KEYS = {
  /**
   * Resource id of what is made from the blob: the image definition, or the managed image. Percent-encoded, because
   * headers are ASCII, and names of resource groups need not be.
   */
  target: 'imagefactory_target',
  /** `true` when the blob stays as a part of the image. */
  kept: 'imagefactory_kept',
} as const;

/** A VHD that is in the container. */
export interface UploadedBlob {
  blob: StoredBlob & { createdAt: Date };
  sent: number;
  verifiedBy: UploadedFile['verifiedBy'];
}

/**
 * Writes the file into its page blob, without the blocks that are zero and without those that an earlier attempt has
 * written. Then compares the written ranges with the file.
 *
 * @param target resource id of what is made from the blob
 */
export async function uploadBlob(
  operation: Operation,
  store: BlobStore,
  image: PushedImage,
  target: string,
): Promise<UploadedBlob> {
  const { file } = image;
  const blob = await openBlob(operation, store, image, target);
  const written = toBlocks(await store.listWritten(operation, blob.name), file.size);
  const pace = new UploadPace(operation, `uploading ${file.name} to blob ${blob.name}`, file.size);
  const expected = new Set<number>();
  let sent = 0;
  async function* findMissing(): AsyncGenerator<Block & { data: Buffer }> {
    for await (const { data, ...block } of readBlocks(file.path, BLOCK_SIZE, { signal: operation.signal })) {
      if (data !== undefined) expected.add(block.index);
      if (data === undefined || written.has(block.index)) pace.skip(block.length);
      else yield { ...block, data };
    }
  }
  await runConcurrently(findMissing(), CONNECTIONS, async ({ offset, length, data }) => {
    await pace.acquire(length);
    await store.write(operation, blob.name, offset, data);
    sent += length;
    pace.sent(length);
  });
  requireSame(expected, toBlocks(await store.listWritten(operation, blob.name), file.size), blob.name);
  const verifiedBy = 'MD5 of every write, checked by Azure; the written ranges were compared with the file';
  return { blob, sent, verifiedBy };
}

/** Makes the blob, or finds the one that an earlier attempt has made of the same file. */
async function openBlob(
  operation: Operation,
  store: BlobStore,
  image: PushedImage,
  target: string,
): Promise<StoredBlob & { createdAt: Date }> {
  const name = blobName(image);
  const marks = { ...marksOfPushed(image, operation.creator), [BLOB_KEYS.target]: encodeURIComponent(target) };
  await store.create(operation, name, image.file.size, marks);
  const blob = await store.find(operation, name);
  if (blob === undefined) {
    throw new FactoryError('CloudUnavailable', `blob ${name} was deleted during its upload`, { retryable: true });
  }
  if (!isMarkedAs(blob.metadata, image) || !blob.isPageBlob || blob.size !== image.file.size) {
    throw new FactoryError('Conflict', `blob ${name} is there already, and is not an upload of this image`, {
      hint: 'remove the blob if nobody needs it, and push again',
    });
  }
  const { createdAt } = blob;
  if (createdAt === undefined) {
    throw new FactoryError('CloudUnavailable', `the storage account does not tell when blob ${name} was made`);
  }
  return { ...blob, createdAt };
}

/** Returns the numbers of the blocks that are written from their first byte to their last. */
function toBlocks(ranges: readonly WrittenRange[], size: number): Set<number> {
  const blocks = new Set<number>();
  for (const { start, end } of mergeRanges(ranges)) {
    for (let index = Math.ceil(start / BLOCK_SIZE); Math.min((index + 1) * BLOCK_SIZE, size) <= end; index++) {
      if (index * BLOCK_SIZE >= size) break;
      blocks.add(index);
    }
  }
  return blocks;
}

/** Joins ranges that touch each other: Azure may tell them one by one. */
function mergeRanges(ranges: readonly WrittenRange[]): WrittenRange[] {
  const merged: WrittenRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else merged.push({ ...range });
  }
  return merged;
}

function requireSame(expected: ReadonlySet<number>, written: ReadonlySet<number>, name: string): void {
  const first = [...expected, ...written].find((index) => !expected.has(index) || !written.has(index));
  if (first === undefined) return;
  const what = written.has(first) ? 'has bytes where the file has zeros' : 'lacks bytes of the file';
  throw new FactoryError('ChecksumMismatch', `blob ${name} ${what}, at offset ${first * BLOCK_SIZE}`, {
    hint: 'the blob was changed by somebody else: remove it, and push again',
  });
}
