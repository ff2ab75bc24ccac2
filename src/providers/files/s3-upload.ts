import { createHash } from 'node:crypto';
import type { CompletedPart, MultipartUpload, Part, UploadPartCommandOutput } from '@aws-sdk/client-s3';
import { FactoryError } from '../../domain/errors.js';
import { retryPart } from '../transfer/retry-part.js';
import { runConcurrently } from '../transfer/run-concurrently.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Operation, PushedImage } from '../types.js';
import { digestPart, divideFile, type FilePart, readPart } from './file-part.js';
import type { Bucket } from './s3-bucket.js';
import { s3Code, s3Status } from './s3-errors.js';

const MIB = 1024 * 1024;
/** Bytes of the smallest part that we send. */
export const SMALLEST_PART = 16 * MIB;
/** S3 takes 10000 parts at most. Some are left, because other services take fewer. */
const MOST_PARTS = 9000;
/** Parts that are sent at the same time. */
const CONNECTIONS = 4;

/** The permission of every call that sends. */
const PUT = 's3:PutObject';

/** Returns the bytes of a part of a file: the same for every attempt. */
function partSizeOf(size: number, smallest: number): number {
  return Math.max(smallest, Math.ceil(size / MOST_PARTS));
}

/** How the parts are compared with the file. */
type Compared = 'sha256' | 'md5' | 'size';

/** One multipart upload of one file. It goes on where an earlier attempt stopped. */
export class S3Upload {
  private readonly partSize: number;
  private readonly digests: Buffer[] = [];
  private readonly completed: CompletedPart[] = [];
  private compared: Compared = 'sha256';
  private sent = 0;

  constructor(
    private readonly bucket: Bucket,
    private readonly operation: Operation,
    private readonly image: PushedImage,
    private readonly key: string,
    private readonly metadata: Record<string, string>,
    smallestPart: number,
  ) {
    this.partSize = partSizeOf(image.file.size, smallestPart);
  }

  /** Bytes that were sent. */
  get sentBytes(): number {
    return this.sent;
  }

  /** @returns whether this attempt has made the object; false when the upload has ended otherwise */
  async run(): Promise<boolean> {
    const { operation, image, bucket, partSize } = this;
    const uploadId = await this.findOrCreate();
    const present = await this.listParts(uploadId);
    if (present === undefined) return false;
    const pace = new UploadPace(operation, `uploading ${image.file.name} to bucket ${bucket.name}`, image.file.size);
    await runConcurrently(divideFile(image.file.size, partSize), CONNECTIONS, (part) =>
      this.place(part, uploadId, present.get(part.index + 1), pace),
    );
    return this.complete(uploadId);
  }

  /**
   * Finds the upload that an earlier attempt has begun, or begins one. The reply may be lost: then the next try finds
   * it. Where two have begun, all attempts go on with the older one; the other goes with the staging.
   */
  private async findOrCreate(): Promise<string> {
    const { bucket, operation, key } = this;
    const call = { name: 'CreateMultipartUpload', permission: `${PUT} and s3:ListBucketMultipartUploads`, key };
    return retryPart(operation, async () => {
      const [oldest] = await listUploadsOnce(bucket, operation, key, key);
      if (oldest?.UploadId !== undefined) return oldest.UploadId;
      const input = {
        Bucket: bucket.name,
        Key: key,
        Metadata: this.metadata,
        ContentType: 'application/octet-stream',
        ChecksumAlgorithm: 'SHA256' as const,
      };
      const { UploadId } = await bucket.callOnce(operation, call, (options) =>
        bucket.client.send(new bucket.sdk.CreateMultipartUploadCommand(input), options),
      );
      // A reply without an id is none: the next try finds the upload.
      if (UploadId === undefined) throw lostReply(key);
      return UploadId;
    });
  }

  /** Asks which parts have arrived. Undefined when the upload has ended meanwhile. */
  private async listParts(uploadId: string): Promise<Map<number, Part> | undefined> {
    const { bucket, operation, key } = this;
    const found = new Map<number, Part>();
    for (let marker: string | undefined; ;) {
      const input = { Bucket: bucket.name, Key: key, UploadId: uploadId, PartNumberMarker: marker };
      const page = await bucket.call(
        operation,
        { name: 'ListParts', permission: 's3:ListMultipartUploadParts', key },
        (options) => bucket.client.send(new bucket.sdk.ListPartsCommand(input), options),
        noUpload,
      );
      if (page === undefined) return undefined;
      for (const part of page.Parts ?? []) found.set(part.PartNumber ?? 0, part);
      if (page.IsTruncated !== true || page.NextPartNumberMarker === undefined) return found;
      marker = page.NextPartNumberMarker;
    }
  }

  /** Sends a part, unless S3 has it already, with the same bytes. */
  private async place(part: FilePart, uploadId: string, present: Part | undefined, pace: UploadPace): Promise<void> {
    const { image, operation } = this;
    const digest = await digestPart(image.file.path, part, 'sha256', operation.signal);
    this.digests[part.index] = digest;
    if (present?.Size === part.length && (await this.isSame(present, part, digest))) {
      pace.skip(part.length);
      this.keep(part.index, present, digest);
      return;
    }
    await pace.acquire(part.length);
    const { bucket, key } = this;
    const reply = await bucket.call(operation, { name: 'UploadPart', permission: PUT, key }, (options) =>
      this.send(part, uploadId, digest, options.abortSignal),
    );
    if (!(await this.isSame(reply, part, digest))) this.compared = 'size';
    this.keep(part.index, reply, digest);
    this.sent += part.length;
    pace.sent(part.length);
  }

  private async send(
    part: FilePart,
    uploadId: string,
    digest: Buffer,
    signal: AbortSignal,
  ): Promise<UploadPartCommandOutput> {
    const { bucket, key, image } = this;
    const body = readPart(image.file.path, part);
    // The SDK does not notice that the file cannot be read.
    const failed = new AbortController();
    body.once('error', (error) => failed.abort(error));
    const command = new bucket.sdk.UploadPartCommand({
      Bucket: bucket.name,
      Key: key,
      UploadId: uploadId,
      PartNumber: part.index + 1,
      Body: body,
      ContentLength: part.length,
      ChecksumSHA256: digest.toString('base64'),
    });
    // The signature has the digest of the body, which the SDK cannot compute of a stream.
    command.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers['x-amz-content-sha256'] = digest.toString('hex');
        return next(args);
      },
      { step: 'build', name: 'knownDigest' },
    );
    try {
      return await bucket.client.send(command, { abortSignal: AbortSignal.any([signal, failed.signal]) });
    } catch (error) {
      throw body.errored ?? error;
    } finally {
      body.destroy();
    }
  }

  private keep(index: number, part: { ETag?: string; ChecksumSHA256?: string }, digest: Buffer): void {
    const checksum = part.ChecksumSHA256 === undefined ? {} : { ChecksumSHA256: digest.toString('base64') };
    this.completed[index] = { PartNumber: index + 1, ETag: part.ETag, ...checksum };
  }

  /** Whether S3 has the bytes of a part: by SHA-256, or by the MD5 that is the ETag where nothing is encrypted. */
  private async isSame(
    { ETag, ChecksumSHA256 }: { ETag?: string; ChecksumSHA256?: string },
    part: FilePart,
    digest: Buffer,
  ): Promise<boolean> {
    if (ChecksumSHA256 !== undefined) return ChecksumSHA256 === digest.toString('base64');
    if (this.compared === 'sha256') this.compared = 'md5';
    const md5 = await digestPart(this.image.file.path, part, 'md5', this.operation.signal);
    return ETag?.replaceAll('"', '') === md5.toString('hex');
  }

  /**
   * Makes the object from its parts.
   *
   * @returns false when the upload has ended already: by an earlier attempt, whose reply was lost, or by another one
   */
  private async complete(uploadId: string): Promise<boolean> {
    const { bucket, operation, key } = this;
    const input = { Bucket: bucket.name, Key: key, UploadId: uploadId, MultipartUpload: { Parts: this.completed } };
    const send = (condition: { IfNoneMatch?: string }): Promise<unknown> =>
      bucket.call<unknown>(
        operation,
        { name: 'CompleteMultipartUpload', permission: PUT, key },
        (options) =>
          bucket.completing.send(new bucket.sdk.CompleteMultipartUploadCommand({ ...input, ...condition }), options),
        (error) => {
          const status = s3Status(error) ?? 0;
          return condition.IfNoneMatch !== undefined && [412, 501].includes(status) ? status : noUpload(error);
        },
      );
    let reply = await send({ IfNoneMatch: '*' });
    // A service that knows no conditions. There was no object before the upload, and its key has the UUID of the image.
    if (reply === 501) reply = await send({});
    return reply !== undefined && reply !== 412;
  }

  /** The checksum that the object must have. Undefined when the upload has ended before all parts were read. */
  get composite(): string | undefined {
    const parts = Math.ceil(this.image.file.size / this.partSize);
    return this.completed.length === parts ? digestOf(this.digests) : undefined;
  }

  /** How the parts were compared, for people. */
  get verifiedBy(): string {
    return this.compared === 'md5' ? 'MD5 of every part, as S3 has computed it' : SIZE_ONLY;
  }
}

/** What is said of an object when the service tells no digest of it. */
export const SIZE_ONLY = 'its size; the service tells no digest that could be compared';

function digestOf(digests: readonly Buffer[]): string {
  return createHash('sha256').update(Buffer.concat(digests)).digest('base64');
}

function lostReply(key: string): FactoryError {
  return new FactoryError('CloudUnavailable', `S3 has not told the id of the upload of ${key}`, { retryable: true });
}

/** Computes the checksum that S3 gives an object of several parts: the SHA-256 of the SHA-256 of all parts. */
export async function compositeOf(image: PushedImage, smallestPart: number, operation: Operation): Promise<string> {
  const { path, size, name } = image.file;
  const digests: Buffer[] = [];
  for (const part of divideFile(size, partSizeOf(size, smallestPart))) {
    digests.push(await digestPart(path, part, 'sha256', operation.signal));
    operation.report({ message: `comparing ${name} with the object that is there` });
  }
  return digestOf(digests);
}

/**
 * Lists the unfinished uploads of a key, or of all keys with a prefix.
 *
 * @returns the oldest first
 */
export async function listUploads(
  bucket: Bucket,
  operation: Operation,
  prefix: string,
  key?: string,
): Promise<MultipartUpload[]> {
  return retryPart(operation, () => listUploadsOnce(bucket, operation, prefix, key));
}

async function listUploadsOnce(
  bucket: Bucket,
  operation: Operation,
  prefix: string,
  key?: string,
): Promise<MultipartUpload[]> {
  const found: MultipartUpload[] = [];
  for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ;) {
    const input = { Bucket: bucket.name, Prefix: prefix, ...marker };
    const page = await bucket.callOnce(
      operation,
      { name: 'ListMultipartUploads', permission: 's3:ListBucketMultipartUploads' },
      (options) => bucket.client.send(new bucket.sdk.ListMultipartUploadsCommand(input), options),
    );
    found.push(...(page.Uploads ?? []).filter(({ Key }) => key === undefined || Key === key));
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined) break;
    marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
  return found.sort(
    (one, other) =>
      (one.Initiated?.getTime() ?? 0) - (other.Initiated?.getTime() ?? 0) ||
      ((one.UploadId ?? '') < (other.UploadId ?? '') ? -1 : 1),
  );
}

/** Returns undefined for the error of an upload that has ended, and throws every other error again. */
export function noUpload(error: unknown): undefined {
  if (s3Code(error) !== 'NoSuchUpload') throw error;
  return undefined;
}
