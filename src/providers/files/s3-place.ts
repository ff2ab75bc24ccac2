import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import type { Finding, Operation, PushedImage, StagingObject } from '../types.js';
import { isImageFolder } from './image-document.js';
import type { ChangeText, Place, Placed, PlacedDocument, WriteCondition } from './place.js';
import { PROBE } from './place-name.js';
import type { Bucket } from './s3-bucket.js';
import { checkBucket } from './s3-check.js';
import { s3Code, s3Status } from './s3-errors.js';
import { compositeOf, listUploads, noUpload, S3Upload, SIZE_ONLY, SMALLEST_PART } from './s3-upload.js';
import { changeDocument } from './change-document.js';

/** An ETag that no object has: it is the MD5 of nothing that we write. */
const NO_ETAG = '"00000000000000000000000000000000"';
/** Uploads that may end in the middle, because another attempt was faster or has removed them. */
const UPLOADS = 3;

/** A bucket of Amazon S3, or of a service with the same API. */
export class S3Place implements Place {
  readonly location: string;
  readonly region: string;
  private conditional = false;

  constructor(
    readonly url: string,
    readonly publicUrl: string,
    private readonly bucket: Bucket,
    /** Bytes of the smallest part. Tests have small files. */
    private readonly smallestPart = SMALLEST_PART,
  ) {
    this.location = `bucket ${url.slice('s3://'.length)} at ${new URL(bucket.endpoint).host}`;
    this.region = bucket.region;
  }

  async read(operation: Operation, name: string): Promise<PlacedDocument | undefined> {
    const { bucket } = this;
    const key = bucket.key(name);
    return bucket.call<PlacedDocument | undefined>(
      operation,
      { name: 'GetObject', permission: 's3:GetObject and s3:ListBucket', key },
      async (options) => {
        const command = new bucket.sdk.GetObjectCommand({ Bucket: bucket.name, Key: key });
        const { Body, ETag } = await bucket.client.send(command, options);
        return { text: (await Body?.transformToString('utf-8')) ?? '', version: ETag };
      },
      ifAbsent,
    );
  }

  async write(
    operation: Operation,
    name: string,
    text: string,
    condition: WriteCondition,
    marks: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const status = await this.put(operation, name, text, condition, marks);
    // A service that knows no conditions: what is below our UUID nobody else writes. Others share the rest.
    if (status === 501 && isImageFolder(name.split('/')[0] ?? ''))
      return (await this.put(operation, name, text, 'always', marks)) === 200;
    return status === 200;
  }

  /** @returns 200, or the status with which the condition was refused */
  private put(
    operation: Operation,
    name: string,
    text: string,
    condition: WriteCondition,
    marks: Readonly<Record<string, string>>,
  ): Promise<number> {
    const { bucket } = this;
    const key = bucket.key(name);
    const input = {
      Bucket: bucket.name,
      Key: key,
      Body: text,
      ContentType: name.endsWith('.json') ? 'application/json' : 'text/plain',
      Metadata: toMetadata(marks),
      ...(condition === 'absent' ? { IfNoneMatch: '*' } : {}),
      ...(typeof condition === 'object' ? { IfMatch: condition.version } : {}),
    };
    return bucket.call(
      operation,
      { name: 'PutObject', permission: 's3:PutObject', key },
      async (options) => {
        await bucket.client.send(new bucket.sdk.PutObjectCommand(input), options);
        return 200;
      },
      (error) => {
        const status = s3Status(error) ?? 0;
        const isRefused = [409, 412, 501].includes(status) || s3Code(error) === 'NoSuchKey';
        if (condition === 'always' || !isRefused) throw error;
        return status;
      },
    );
  }

  async update(
    operation: Operation,
    name: string,
    change: ChangeText,
    marks: Readonly<Record<string, string>>,
  ): Promise<void> {
    await changeDocument(this, operation, name, change, marks);
  }

  async canUpdate(operation: Operation, name: string): Promise<boolean> {
    // A `no` may pass: the document was absent, or a proxy answered.
    this.conditional ||= await this.tryCondition(operation, name);
    return this.conditional;
  }

  /** Writes a document as it is, on a condition that is not met. A service that knows conditions refuses that. */
  private async tryCondition(operation: Operation, name: string): Promise<boolean> {
    const present = await this.head(operation, name);
    const text = (await this.read(operation, name))?.text;
    if (text === undefined) return false;
    const marks = fromMetadata(present?.Metadata);
    const status = await this.put(operation, name, text, { version: NO_ETAG }, marks);
    return status === 412 || status === 409;
  }

  async measure(operation: Operation, name: string): Promise<number | undefined> {
    return (await this.head(operation, name))?.ContentLength;
  }

  private head(operation: Operation, name: string): Promise<HeadObjectCommandOutput | undefined> {
    const { bucket } = this;
    const key = bucket.key(name);
    const input = { Bucket: bucket.name, Key: key, ChecksumMode: 'ENABLED' as const };
    return bucket.call<HeadObjectCommandOutput | undefined>(
      operation,
      { name: 'HeadObject', permission: 's3:GetObject and s3:ListBucket', key },
      (options) => bucket.client.send(new bucket.sdk.HeadObjectCommand(input), options),
      ifAbsent,
    );
  }

  async upload(
    operation: Operation,
    image: PushedImage,
    name: string,
    marks: Readonly<Record<string, string>>,
  ): Promise<Placed> {
    const { bucket } = this;
    let upload: S3Upload | undefined;
    let sent = 0;
    for (let uploads = 0; uploads <= UPLOADS; uploads++) {
      const present = await this.head(operation, name);
      if (present !== undefined)
        return { sent, verifiedBy: await this.compare(operation, image, name, present, upload) };
      upload = new S3Upload(bucket, operation, image, bucket.key(name), toMetadata(marks), this.smallestPart);
      await upload.run();
      sent += upload.sentBytes;
    }
    throw new FactoryError('CloudUnavailable', `S3 has ended the upload of ${name}, and has made no object of it`, {
      retryable: true,
    });
  }

  /** Compares the object with the file, by what S3 tells of it. */
  private async compare(
    operation: Operation,
    image: PushedImage,
    name: string,
    present: HeadObjectCommandOutput,
    upload: S3Upload | undefined,
  ): Promise<string> {
    const url = `${this.url}/${name}`;
    if (!isMarkedAs(fromMetadata(present.Metadata), image)) {
      throw new FactoryError('Conflict', `${url} was not made by a push of this image`, {
        hint: 'it is left as it is: move it away, or push to another place',
      });
    }
    const { ContentLength } = present;
    // Amazon writes the number of the parts after the checksum; others do not.
    const checksum = present.ChecksumSHA256?.replace(/-\d+$/, '');
    const composite =
      checksum === undefined
        ? undefined
        : (upload?.composite ?? (await compositeOf(image, this.smallestPart, operation)));
    if (ContentLength !== image.file.size || checksum !== composite) {
      throw new FactoryError('ChecksumMismatch', `${url} differs from the file that was uploaded`, {
        hint: `delete the image ${image.uuid} at this provider, then push again`,
      });
    }
    if (composite !== undefined) return 'SHA-256 of every part, checked by S3, and of the whole object';
    return upload?.verifiedBy ?? SIZE_ONLY;
  }

  async remove(operation: Operation, name: string): Promise<boolean> {
    const { bucket } = this;
    if ((await this.head(operation, name)) === undefined) return false;
    const key = bucket.key(name);
    await bucket.call(operation, { name: 'DeleteObject', permission: 's3:DeleteObject', key }, (options) =>
      bucket.client.send(new bucket.sdk.DeleteObjectCommand({ Bucket: bucket.name, Key: key }), options),
    );
    return true;
  }

  async removeUnfinished(operation: Operation, name: string): Promise<string[]> {
    const { bucket } = this;
    const key = bucket.key(name);
    const removed: string[] = [];
    for (const { UploadId } of await listUploads(bucket, operation, key, key)) {
      const input = { Bucket: bucket.name, Key: key, UploadId };
      const call = { name: 'AbortMultipartUpload', permission: 's3:AbortMultipartUpload', key };
      await bucket.call<unknown>(
        operation,
        call,
        (options) => bucket.client.send(new bucket.sdk.AbortMultipartUploadCommand(input), options),
        noUpload,
      );
      removed.push(`upload ${UploadId ?? ''} of ${this.url}/${name}`);
    }
    return removed;
  }

  async removeFolder(): Promise<void> {
    // A bucket has no folders: the last key takes its folder along.
  }

  async listFolders(operation: Operation): Promise<string[]> {
    const { bucket } = this;
    const found: string[] = [];
    for (let token: string | undefined; ;) {
      const input = { Bucket: bucket.name, Prefix: bucket.key(''), Delimiter: '/', ContinuationToken: token };
      const page = await bucket.call(operation, { name: 'ListObjectsV2', permission: 's3:ListBucket' }, (options) =>
        bucket.client.send(new bucket.sdk.ListObjectsV2Command(input), options),
      );
      const prefixes = (page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix);
      found.push(...prefixes.map((prefix) => prefix.slice(bucket.key('').length, -1)));
      if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return found;
      token = page.NextContinuationToken;
    }
  }

  async listUnfinished(operation: Operation, folder: string): Promise<Omit<StagingObject, 'uuid'>[]> {
    const uploads = await listUploads(this.bucket, operation, this.bucket.key(`${folder}/`));
    return uploads.map(({ UploadId = '', Initiated }) => ({
      kind: 'upload',
      id: UploadId,
      createdAt: Initiated?.getTime(),
      // The sizes of the parts would need a call for each upload.
      size: undefined,
    }));
  }

  async listProbes(operation: Operation): Promise<StagingObject[]> {
    const prefix = this.bucket.key(PROBE);
    const uploads = await listUploads(this.bucket, operation, prefix);
    return uploads.flatMap(({ Key = '', UploadId = '', Initiated }) => {
      const uuid = Key.slice(prefix.length);
      if (!isImageFolder(uuid)) return [];
      return [{ uuid, kind: 'probe', id: UploadId, createdAt: Initiated?.getTime(), size: undefined }];
    });
  }

  removeProbe(operation: Operation, uuid: string): Promise<string[]> {
    return this.removeUnfinished(operation, `${PROBE}${uuid}`);
  }

  check(operation: Operation): Promise<Finding[]> {
    return checkBucket(this.bucket, operation);
  }

  async close(): Promise<void> {
    this.bucket.close();
  }
}

/** Some proxies drop headers whose names have an underscore, so the names of our marks have hyphens here. */
function toMetadata(marks: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(marks).map(([name, value]) => [name.replaceAll('_', '-'), value]));
}

function fromMetadata(metadata: Readonly<Record<string, string>> = {}): Record<string, string> {
  const names = Object.values(PROVIDER_KEYS).map((name) => [name, metadata[name.replaceAll('_', '-')]] as const);
  return Object.fromEntries(names.filter((entry): entry is [(typeof entry)[0], string] => entry[1] !== undefined));
}

/** Returns undefined for the error of an absent object. A HEAD has no code, only its status. */
function ifAbsent(error: unknown): undefined {
  if (s3Code(error) === 'NoSuchKey' || (s3Code(error) === 'NotFound' && s3Status(error) === 404)) return undefined;
  throw error;
}
