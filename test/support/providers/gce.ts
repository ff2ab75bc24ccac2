import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { gceConfiguration, type GceConfiguration } from '../../../src/providers/gce/configuration.js';
import { connectGce } from '../../../src/providers/gce/kind.js';
import { PART_GRAIN } from '../../../src/providers/gce/upload.js';
import type { Provider, PushedImage } from '../../../src/providers/types.js';
import type { FakeGce } from '../../fakes/providers/gce/fake-gce.js';
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

/** The configuration of a provider at the fake, which signs in by workload identity. */
export async function configureGce(fake: FakeGce, folder: string): Promise<GceConfiguration> {
  const subject = join(folder, 'subject');
  const path = join(folder, 'workload-identity.json');
  await writeFile(subject, 'subject');
  await writeFile(
    path,
    JSON.stringify({
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/site',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${fake.url}/sts/v1/token`,
      credential_source: { file: subject },
    }),
  );
  return gceConfiguration.parse({
    kind: 'gce',
    project: fake.compute.project,
    bucket: fake.storage.bucket,
    credentials_file: path,
    storage_endpoint: fake.url,
    compute_endpoint: `${fake.url}/`,
    resource_manager_endpoint: fake.url,
  });
}

/** Connects to the fake, with the smallest parts that Cloud Storage takes. */
export async function connectToFake(fake: FakeGce, folder: string): Promise<Provider> {
  const configuration = await configureGce(fake, folder);
  return connectGce({ name: 'google', configuration, credentials: undefined, env: {} }, PART_GRAIN);
}
