import { open, type FileHandle } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs, marksOfPushed } from '../../domain/provider-marks.js';
import type { UploadedFile } from '../../domain/provider-image.js';
import { retryPart } from '../transfer/retry-part.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import { objectName } from './names.js';
import type { Bucket, StorageObject, UploadState } from './storage.js';
import { forgetUpload, openUploadNotes, writeUploadNotes, type UploadNotes } from './upload-notes.js';

/** Cloud Storage takes parts of whole multiples of 256 KiB. */
export const PART_GRAIN = 256 * 1024;
/** Bytes of a part. One is in memory at a time. Larger parts wait less often for an answer. */
export const PART_SIZE = 16 * 1024 * 1024;
/** Uploads that one attempt starts, should Cloud Storage forget them. */
const UPLOADS = 3;
/** Parts in a row of which nothing was kept, after which an attempt fails. */
const STALLS = 5;

/** Brings the file into the bucket, from the byte where an earlier attempt stopped, and compares the result. */
export async function uploadArchive(
  bucket: Bucket,
  operation: Operation,
  image: PushedImage,
  partSize: number,
): Promise<UploadedFile> {
  const { signal } = operation;
  const name = objectName(image);
  let object = await bucket.find(name, signal);
  if (object !== undefined) assertOurs(bucket, object, image);
  const notes = await openUploadNotes(operation, bucket, image);
  const pace = new UploadPace(operation, `uploading ${image.file.name} to bucket ${bucket.name}`, image.file.size);
  const sender = new PartSender(bucket, operation, image, pace, partSize);
  for (let uploads = 0; object === undefined && uploads < UPLOADS; uploads++) {
    object = await sendOrJoin(bucket, operation, image, notes, sender);
  }
  if (object === undefined) {
    throw new FactoryError('CloudUnavailable', `Cloud Storage has forgotten ${UPLOADS} uploads of ${name} in a row`, {
      retryable: true,
    });
  }
  await compare(bucket, object, image, notes, signal);
  // A completed upload cannot be given up any more.
  if (notes.address !== undefined) await forgetUpload(operation, notes);
  return {
    ids: { bucket: bucket.name, object: object.name, generation: object.generation },
    sent: sender.sent,
    verifiedBy: describeComparison(object),
  };
}

/** @returns undefined when Cloud Storage has forgotten the upload, so that another must be started */
async function sendOrJoin(
  bucket: Bucket,
  operation: Operation,
  image: PushedImage,
  notes: UploadNotes,
  sender: PartSender,
): Promise<StorageObject | undefined> {
  const { signal } = operation;
  if (notes.address === undefined || !bucket.isUpload(notes.address)) {
    // When the reply is lost, the first upload stays empty, and Cloud Storage forgets it after a week.
    const address = await retryPart(operation, () => bucket.startUpload(toNewObject(operation, image, notes), signal));
    if (address === undefined) return bucket.find(objectName(image), signal);
    notes.address = address;
    await writeUploadNotes(operation, notes);
  }
  const object = await sender.send(notes.address).catch(async (error: unknown) => {
    // With a larger quota the same upload goes on.
    const isRefused = error instanceof FactoryError && !error.retryable && error.type !== 'QuotaExceeded';
    if (isRefused) await forgetUpload(operation, notes);
    throw error;
  });
  if (object === undefined) await forgetUpload(operation, notes);
  return object ?? bucket.find(objectName(image), signal);
}

function toNewObject(operation: Operation, image: PushedImage, { crc32c, md5Hash }: UploadNotes) {
  const metadata = marksOfPushed(image, operation.creator);
  return { name: objectName(image), size: image.file.size, crc32c, md5Hash, metadata };
}

/** Sends the parts of a file, one after the other: Cloud Storage takes them in their order alone. */
class PartSender {
  /** Bytes that this attempt has sent and Cloud Storage has kept. */
  sent = 0;
  private counted = 0;

  constructor(
    private readonly bucket: Bucket,
    private readonly operation: Operation,
    private readonly image: PushedImage,
    private readonly pace: UploadPace,
    private readonly partSize: number,
  ) {}

  /** Sends what is missing. @returns the object; undefined when the upload is gone, or when the object is there */
  async send(address: string): Promise<StorageObject | undefined> {
    const { size, path } = this.image.file;
    const { signal } = this.operation;
    let state = await retryPart(this.operation, () => this.bucket.askUpload(address, size, signal));
    if (state.kind === 'incomplete') this.countSkipped(state.offset);
    const file = await open(path, 'r');
    try {
      for (let stalls = 0; state.kind === 'incomplete';) {
        const { offset } = state;
        const bytes = await readAt(file, offset, Math.min(this.partSize, size - offset));
        await this.pace.acquire(bytes.length);
        state = await this.sendPart(address, { bytes, offset, size });
        const arrived = state.kind === 'incomplete' ? state.offset : size;
        stalls = arrived > offset ? 0 : stalls + 1;
        if (stalls === STALLS) throw stallError(this.bucket, this.image, offset);
        if (state.kind === 'incomplete' || state.kind === 'complete') this.countSent(arrived - offset);
      }
    } finally {
      await file.close();
    }
    return state.kind === 'complete' ? state.object : undefined;
  }

  /** Sends a part. After a failure it asks what has arrived, because the part may have arrived and the reply not. */
  private async sendPart(address: string, part: { bytes: Buffer; offset: number; size: number }): Promise<UploadState> {
    const { signal } = this.operation;
    let isSent = false;
    return retryPart(this.operation, () => {
      if (isSent) return this.bucket.askUpload(address, part.size, signal);
      isSent = true;
      return this.bucket.sendPart(address, part, signal);
    });
  }

  private countSkipped(bytes: number): void {
    this.pace.skip(bytes - this.counted);
    this.counted = bytes;
  }

  private countSent(bytes: number): void {
    this.pace.sent(bytes);
    this.sent += bytes;
    this.counted += bytes;
  }
}

function stallError(bucket: Bucket, image: PushedImage, offset: number): FactoryError {
  const what = `bucket ${bucket.name} has kept nothing of ${STALLS} parts of ${image.file.name} at byte ${offset}`;
  return new FactoryError('CloudUnavailable', what, { retryable: true });
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new FactoryError('StoreFailed', 'the file became shorter while it was uploaded');
    filled += bytesRead;
  }
  return buffer;
}

function assertOurs(bucket: Bucket, object: StorageObject, image: PushedImage): void {
  if (isMarkedAs(object.metadata ?? {}, image)) return;
  throw new FactoryError(
    'Conflict',
    `bucket ${bucket.name} has an object ${object.name} that does not carry the marks of image ${image.uuid}`,
    { hint: 'look whose object it is; imagefactory does not touch it' },
  );
}

/** Compares the object with the file. An object of ours that differs is removed, so that the next attempt sends it. */
async function compare(
  bucket: Bucket,
  object: StorageObject,
  image: PushedImage,
  notes: UploadNotes,
  signal: AbortSignal,
): Promise<void> {
  assertOurs(bucket, object, image);
  const differences = [
    ...(object.size === image.file.size ? [] : [`${object.size} bytes instead of ${image.file.size}`]),
    ...(object.crc32c === notes.crc32c ? [] : [`CRC32C ${object.crc32c} instead of ${notes.crc32c}`]),
    ...(object.md5Hash === undefined || object.md5Hash === notes.md5Hash
      ? []
      : [`MD5 ${object.md5Hash} instead of ${notes.md5Hash}`]),
  ];
  if (differences.length === 0) return;
  await bucket.remove(object, signal);
  throw new FactoryError(
    'ChecksumMismatch',
    `object ${object.name} in bucket ${bucket.name} differs from ${image.file.name}: ${differences.join(', ')}`,
    { retryable: true, hint: 'the object was removed; the next attempt uploads the file again' },
  );
}

function describeComparison({ md5Hash }: StorageObject): string {
  const digests = md5Hash === undefined ? 'CRC32C' : 'CRC32C and MD5';
  return `${digests} of the archive in the bucket, computed by Cloud Storage, compared with the file`;
}
