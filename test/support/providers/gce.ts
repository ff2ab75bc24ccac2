import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { gceConfiguration, type GceConfiguration } from '../../../src/providers/gce/configuration.js';
import { connectGce } from '../../../src/providers/gce/gce.js';
import { PART_GRAIN } from '../../../src/providers/gce/upload.js';
import type { Provider, PushedImage } from '../../../src/providers/types.js';
import type { FakeGce } from '../../fakes/providers/gce/fake-gce.js';
import { ACCOUNT } from '../../fakes/providers/gce/replies.js';
import { createPushedImage } from './pushed-image.js';

const GIB = 1024 ** 3;
const BLOCK = 512;
const OCTAL = 8;

/** Makes an archive whose first header is as Compute Engine wants it. Of the disk it has only so many bytes. */
export function createGceArchive(bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write('disk.raw');
  header.write(GIB.toString(OCTAL).padStart(11, '0'), 124);
  header.write('ustar  \0', 257, 'latin1');
  return gzipSync(Buffer.concat([header, randomBytes(bytes)]), { level: 1 });
}

/** Makes an image of Compute Engine's format for a test. */
export function createGceImage(
  folder: string,
  content: Buffer,
  options: Parameters<typeof createPushedImage>[2] = {},
): Promise<PushedImage> {
  return createPushedImage(folder, content, {
    format: 'gce',
    virtualSize: GIB,
    fileName: 'debian-12.tar.gz',
    name: 'Debian 12-gce',
    ...options,
  });
}

/** A key of a service account; making one takes a while. */
const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The JSON key of a service account that the fake knows. */
export function createAccountKey(fake: FakeGce): Record<string, unknown> {
  fake.accountKey = KEY.publicKey;
  return {
    type: 'service_account',
    project_id: fake.compute.project,
    client_email: ACCOUNT,
    private_key_id: 'key',
    private_key: KEY.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}

/** The configuration of a provider at the fake, without credentials. */
export function configureGce(fake: FakeGce, more: Record<string, unknown> = {}): GceConfiguration {
  return gceConfiguration.parse({
    kind: 'gce',
    project: fake.compute.project,
    bucket: fake.storage.bucket,
    storage_endpoint: fake.url,
    compute_endpoint: `${fake.url}/`,
    resource_manager_endpoint: fake.url,
    ...more,
  });
}

/** Connects to the fake, with the smallest parts that Cloud Storage takes. */
export function connectToFake(fake: FakeGce, more: Record<string, unknown> = {}): Promise<Provider> {
  const configuration = configureGce(fake, more);
  return connectGce({ name: 'google', configuration, credentials: createAccountKey(fake), env: {} }, PART_GRAIN);
}
