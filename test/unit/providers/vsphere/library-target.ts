import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RegisteredImage } from '../../../../src/domain/provider-image.js';
import type { Operation, Provider, PushedImage } from '../../../../src/providers/types.js';
import { vsphere } from '../../../../src/providers/vsphere/vsphere.js';
import { FakeContentLibrary } from '../../../fakes/providers/vsphere/fake-content-library.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createBytes, createOva } from '../../../support/providers/ova.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';

/** Bytes of the disk: several chunks of an upload. */
const DISK_SIZE = 3 * 1024 * 1024 + 700;

/** A fake vCenter with a library, a folder for files, and an image to push. */
export class LibraryTarget {
  private constructor(
    readonly fake: FakeContentLibrary,
    readonly folder: string,
    readonly disk: Buffer,
    readonly image: PushedImage,
  ) {}

  static async create(fake = new FakeContentLibrary(), size = DISK_SIZE): Promise<LibraryTarget> {
    const folder = await mkdtemp(join(tmpdir(), 'vsphere-'));
    await writeFile(join(folder, 'password'), 'secret\n');
    const disk = createBytes('disk', size);
    const ova = await createOva(disk);
    const image = await createPushedImage(folder, ova, { format: 'ova', fileName: 'debian-12.ova' });
    const target = new LibraryTarget(fake, folder, disk, image);
    await target.fake.server.listen();
    return target;
  }

  /** Connects as a worker that has just started. */
  connect(library = 'images', ca?: string): Promise<Provider> {
    return vsphere.connect({
      name: 'test',
      configuration: {
        kind: 'vsphere',
        server: this.fake.server.url,
        user: 'images@vsphere.local',
        password_file: join(this.folder, 'password'),
        library,
        ca,
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
  push(operation: Operation, image = this.image): Promise<RegisteredImage> {
    return this.with(async (provider) => {
      const found = await provider.find(operation, image);
      if (found !== undefined) return found;
      return await provider.register(operation, image, await provider.upload(operation, image));
    });
  }

  /** An attempt that ends when all files are there, before they are made visible. */
  async dieBeforeComplete(): Promise<void> {
    const stop = new AbortController();
    const match = { method: 'POST', path: /action=complete/ };
    const decide = async () => {
      stop.abort(new Error('the worker stops'));
      return 'cut' as const;
    };
    this.fake.server.fail({ kind: 'held', when: 'before', match, decide });
    await assert.rejects(this.push(createOperation({ signal: stop.signal })), /the worker stops/);
  }

  async close(): Promise<void> {
    this.fake.server.close();
    await rm(this.folder, { recursive: true });
  }
}
