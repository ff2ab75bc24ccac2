import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegisteredImage } from '../../../../src/domain/provider-image.js';
import type { FilesConfiguration } from '../../../../src/providers/files/configuration.js';
import { FilesProvider } from '../../../../src/providers/files/files-provider.js';
import { openBucket } from '../../../../src/providers/files/s3-bucket.js';
import { S3Place } from '../../../../src/providers/files/s3-place.js';
import type { Operation, Provider, ProviderSettings, PushedImage } from '../../../../src/providers/types.js';
import type { FakeS3 } from '../../../fakes/providers/files/fake-s3.js';

export const KIB = 1024;
/** Bytes of the parts of an upload to a bucket in these tests. */
export const PART = 64 * KIB;

export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'files-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Pushes an image as the workflow does. */
export async function push(provider: Provider, operation: Operation, image: PushedImage): Promise<RegisteredImage> {
  const found = await provider.find(operation, image);
  if (found !== undefined) return found;
  return provider.register(operation, image, await provider.upload(operation, image));
}

export function settingsOf(
  configuration: Omit<FilesConfiguration, 'kind'>,
  rest: Partial<ProviderSettings<FilesConfiguration>> = {},
): ProviderSettings<FilesConfiguration> {
  return { name: 'test', configuration: { kind: 'files', ...configuration }, credentials: undefined, env: {}, ...rest };
}

/** Connects to a fake S3 with parts of {@link PART} bytes. */
export async function connectTo(
  fake: FakeS3,
  options: { prefix?: string; secret?: string } = {},
): Promise<FilesProvider> {
  const url = `s3://${fake.bucket}/${options.prefix ?? 'team/images'}`;
  const env = { AWS_ACCESS_KEY_ID: fake.key.id, AWS_SECRET_ACCESS_KEY: options.secret ?? fake.key.secret };
  const settings = settingsOf({ url, endpoint: fake.server.url, region: fake.region }, { env });
  return new FilesProvider(new S3Place(url, `${fake.server.url}/${fake.bucket}`, await openBucket(settings), PART));
}
