import { randomUUID } from 'node:crypto';
import type { Finding, Operation } from '../types.js';
import { PROBE } from './place-name.js';
import type { Bucket } from './s3-bucket.js';
import { s3Code, s3Status } from './s3-errors.js';
import { listUploads } from './s3-upload.js';
import { tryOut } from './try-out.js';

/**
 * Tries the permissions of a push one by one. Begins an upload and ends it again, so that no object remains, and no
 * marker of a deleted object in a bucket with versions. Therefore the permission to delete objects is not tried.
 */
export async function checkBucket(bucket: Bucket, operation: Operation): Promise<Finding[]> {
  const { sdk, client, name } = bucket;
  const key = bucket.key(`${PROBE}${randomUUID()}`);
  const input = { Bucket: name, Key: key };
  const access = await tryOut(`the bucket ${name}`, () =>
    bucket.call(operation, { name: 'HeadBucket', permission: 's3:ListBucket' }, (options) =>
      client.send(new sdk.HeadBucketCommand({ Bucket: name }), options),
    ),
  );
  if (!access.ok) return [access];
  return [
    access,
    await tryOut('read objects', () =>
      bucket.call<unknown>(
        operation,
        { name: 'HeadObject', permission: 's3:GetObject and s3:ListBucket', key },
        (options) => client.send(new sdk.HeadObjectCommand(input), options),
        (error) => {
          if (s3Status(error) !== 404) throw error;
        },
      ),
    ),
    await tryOut('begin uploads', () =>
      bucket.call(operation, { name: 'CreateMultipartUpload', permission: 's3:PutObject', key }, (options) =>
        client.send(new sdk.CreateMultipartUploadCommand(input), options),
      ),
    ),
    await tryOut('list and remove unfinished uploads', async () => {
      for (const { UploadId } of await listUploads(bucket, operation, key, key)) {
        const call = { name: 'AbortMultipartUpload', permission: 's3:AbortMultipartUpload', key };
        await bucket.call<unknown>(
          operation,
          call,
          (options) => client.send(new sdk.AbortMultipartUploadCommand({ ...input, UploadId }), options),
          (error) => {
            if (s3Code(error) !== 'NoSuchUpload') throw error;
          },
        );
      }
    }),
  ];
}
