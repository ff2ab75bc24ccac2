import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegisteredImage } from '../../../../src/domain/provider-image.js';
import type { Operation, Provider, PushedImage } from '../../../../src/providers/types.js';
import { vsphere } from '../../../../src/providers/vsphere/vsphere.js';
import { FakeInventory } from '../../../fakes/providers/vsphere/fake-inventory.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createBytes, createOva, OVA_CAPACITY } from '../../../support/providers/ova.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';

/** Milliseconds of the fake’s clock between two questions. */
const POLL = 10_000;

/** A fake vCenter or ESXi host with an inventory, and an image to push. */
export class InventoryTarget {
  readonly fake = new FakeInventory();

  private constructor(
    readonly folder: string,
    readonly disk: Buffer,
    readonly image: PushedImage,
  ) {
    this.fake.diskSize = disk.length;
  }

  static async create(options: { hardware?: number; size?: number } = {}): Promise<InventoryTarget> {
    const folder = await mkdtemp(join(tmpdir(), 'vsphere-'));
    await writeFile(join(folder, 'password'), 'secret\n');
    const disk = createBytes('disk', options.size ?? 3 * 1024 * 1024 + 700);
    const ova = await createOva(disk, options.hardware);
    const image = await createPushedImage(folder, ova, { format: 'ova', virtualSize: OVA_CAPACITY });
    const target = new InventoryTarget(folder, disk, image);
    await target.fake.server.listen();
    return target;
  }

  /** An operation whose pauses move the clock of the fake. */
  operation(options: Parameters<typeof createOperation>[0] = {}): Operation {
    const operation = createOperation(options);
    const sleep = async (milliseconds: number): Promise<void> => {
      this.fake.now += milliseconds;
      await operation.sleep(milliseconds);
    };
    return { ...operation, pollInterval: POLL, sleep };
  }

  connect(change: { folder?: string; user?: string } = {}): Promise<Provider> {
    return vsphere.connect({
      name: 'test',
      configuration: {
        kind: 'vsphere',
        server: this.fake.server.url,
        user: 'images@vsphere.local',
        password_file: join(this.folder, 'password'),
        datacenter: 'DC',
        folder: 'images',
        resource_pool: 'cluster/Resources',
        datastore: 'store',
        network: 'VM Network',
        ...change,
      },
      credentials: undefined,
      env: {},
    });
  }

  async with<T>(work: (provider: Provider) => Promise<T>): Promise<T> {
    const provider = await this.connect();
    try {
      return await work(provider);
    } finally {
      await provider.close();
    }
  }

  /** One attempt of a push, as the workflow makes it. */
  push(operation = this.operation(), image = this.image): Promise<RegisteredImage> {
    return this.with(async (provider) => {
      const found = await provider.find(operation, image);
      if (found !== undefined) return found;
      return await provider.register(operation, image, await provider.upload(operation, image));
    });
  }

  async close(): Promise<void> {
    this.fake.server.close();
    await rm(this.folder, { recursive: true });
  }
}
