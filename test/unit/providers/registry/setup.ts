import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeOciArchive } from '../../../../src/formats/archive/oci.js';
import { writeTar } from '../../../../src/formats/archive/tar.js';
import type { RegistryConfiguration } from '../../../../src/providers/oci-registry/configuration.js';
import { connectRegistry } from '../../../../src/providers/oci-registry/registry.js';
import type { Provider, ProviderSettings, PushedImage } from '../../../../src/providers/types.js';
import {
  FakeRegistry,
  type FakeRepository,
  type RegistryTraits,
} from '../../../fakes/providers/registry/fake-registry.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';

/** Bytes of a part in these tests. */
export const PART = 1000;
export const REPOSITORY = 'team/images/debian-12-test';

/** A fake registry with a provider for it, and a folder for files. */
export class RegistrySetup {
  private readonly providers: Provider[] = [];

  private constructor(
    readonly folder: string,
    readonly registry: FakeRegistry,
  ) {}

  static async create(traits: RegistryTraits = {}): Promise<RegistrySetup> {
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-registry-unit-'));
    return new RegistrySetup(folder, await new FakeRegistry(traits).listen());
  }

  async connect(
    configuration: Partial<RegistryConfiguration> = {},
    settings: Partial<Omit<ProviderSettings<RegistryConfiguration>, 'configuration'>> = {},
  ): Promise<Provider> {
    const whole: RegistryConfiguration = {
      kind: 'registry',
      endpoint: this.registry.url,
      repository: 'team/images',
      tags: [],
      ...configuration,
    };
    const provider = await connectRegistry(
      { name: 'local', configuration: whole, credentials: undefined, env: {}, ...settings },
      PART,
    );
    this.providers.push(provider);
    return provider;
  }

  /** A raw disk of 3500 bytes: three parts and a half. */
  createDisk(options: Parameters<typeof createPushedImage>[2] = {}, size = 3500): Promise<PushedImage> {
    return createPushedImage(this.folder, randomBytes(size), options);
  }

  /** A container image whose layer holds `size` random bytes. */
  async createContainerImage(format: 'oci' | 'containerdisk' = 'oci', size = 2500): Promise<PushedImage> {
    const path = join(this.folder, `${randomBytes(8).toString('hex')}.tar`);
    const content = randomBytes(size);
    const file = {
      name: 'disk/disk.qcow2',
      size,
      async *read() {
        yield content;
      },
    };
    await writeOciArchive(path, { name: 'Debian 12', arch: 'x86_64', layer: writeTar([file], 'oldgnu') });
    return createPushedImage(this.folder, await readFile(path), { format, fileName: 'debian-12.tar' });
  }

  get repository(): FakeRepository {
    return this.registry.repository(REPOSITORY);
  }

  /** Reads the manifest of a tag, or of a digest. */
  manifest(reference: string): Record<string, never> & {
    artifactType?: string;
    annotations: Record<string, string>;
    config: { digest: string; mediaType: string };
    layers: { digest: string; mediaType: string; annotations?: Record<string, string> }[];
    subject?: { digest: string };
  } {
    const digest = this.repository.tags.get(reference) ?? reference;
    return JSON.parse(this.repository.manifests.get(digest)?.text.toString() ?? 'null') as never;
  }

  async close(): Promise<void> {
    for (const provider of this.providers) await provider.close();
    this.registry.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Pushes an image as the workflow does. */
export async function push(
  provider: Provider,
  image: PushedImage,
  operation = createOperation(),
): Promise<{ sent: number; registered: Awaited<ReturnType<Provider['register']>> }> {
  const uploaded = await provider.upload(operation, image);
  return { sent: uploaded.sent, registered: await provider.register(operation, image, uploaded) };
}
