import { FakeEc2 } from '../../fakes/providers/ec2/fake-ec2.js';
import type { FakeImage, FakeSnapshot } from '../../fakes/providers/ec2/state.js';
import { ec2 } from '../../../src/providers/ec2/ec2.js';
import type { RegisteredImage } from '../../../src/domain/provider-image.js';
import type { Operation, Provider, PushedImage } from '../../../src/providers/types.js';

/** The region of the tests. */
export const REGION = 'eu-west-1';
/** Bytes of a block of a snapshot. */
export const BLOCK = 512 * 1024;

/** Connects to a fake, or to another server that plays Amazon's APIs. */
export async function connectEc2(
  url: string,
  options: { accessKey: string; copyTo?: string[]; credentials?: Record<string, unknown>; ca?: string },
): Promise<Provider> {
  const { copyTo: copy_to = [], ca } = options;
  const entry = { kind: 'ec2', region: REGION, endpoints: { ec2: url, ebs: url }, copy_to, ca };
  return ec2.connect({
    name: 'aws',
    configuration: ec2.schema.parse(entry),
    credentials: options.credentials,
    env: { AWS_ACCESS_KEY_ID: options.accessKey, AWS_SECRET_ACCESS_KEY: 'secret-of-the-test' },
  });
}

/** A fake account with a provider that is connected to it. */
export interface Ec2Test {
  fake: FakeEc2;
  provider: Provider;
  snapshots(region?: string): FakeSnapshot[];
  images(region?: string): FakeImage[];
  close(): Promise<void>;
}

export async function startEc2Test(options: { copyTo?: string[] } = {}): Promise<Ec2Test> {
  const fake = new FakeEc2();
  await fake.server.listen();
  const provider = await connectEc2(fake.server.url, { accessKey: fake.accessKey, ...options });
  return {
    fake,
    provider,
    snapshots: (region = REGION) => [...fake.region(region).snapshots.values()],
    images: (region = REGION) => [...fake.region(region).images.values()],
    close: async () => {
      await provider.close();
      fake.server.close();
    },
  };
}

/** Uploads and registers, as one attempt of a push. */
export async function push(provider: Provider, operation: Operation, image: PushedImage): Promise<RegisteredImage> {
  const known = await provider.find(operation, image);
  if (known !== undefined) return known;
  return provider.register(operation, image, await provider.upload(operation, image));
}

/** The bytes of a disk of a snapshot, holes included. */
export function readDisk(snapshot: FakeSnapshot, size: number): Buffer {
  const disk = Buffer.alloc(Math.ceil(size / BLOCK) * BLOCK);
  for (const [index, { data }] of snapshot.blocks) data.copy(disk, index * BLOCK);
  return disk.subarray(0, size);
}
