import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { RegisteredImage } from '../../../../src/domain/provider-image.js';
import { azure as kind } from '../../../../src/providers/azure/azure.js';
import type { Operation, Provider, PushedImage } from '../../../../src/providers/types.js';
import { FakeAzure } from '../../../fakes/providers/azure/azure-server.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';

export const MIB = 1024 ** 2;

/** Makes a fixed VHD of the disk: Microsoft's VHD specification 1.0. */
function makeVhd(disk: Buffer): Buffer {
  const footer = Buffer.alloc(512);
  footer.write('conectix', 0, 'latin1');
  footer.writeBigUInt64BE(BigInt(disk.length), 48);
  footer.writeUInt32BE(2, 60);
  footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64);
  return Buffer.concat([disk, footer]);
}

/** A folder for the file of this process's tests. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'imagefactory-azure-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes an image whose disk has data in the blocks of 1 MiB with these numbers. */
export async function makeImage(
  folder: string,
  { blocks = 2, data = [1], ...image }: { blocks?: number; data?: number[] } & Partial<Omit<PushedImage, 'file'>> = {},
): Promise<PushedImage> {
  const disk = createDisk({ blocks, blockSize: MIB, data });
  return createPushedImage(folder, makeVhd(disk), { format: 'vhd', virtualSize: disk.length, ...image });
}

export async function startAzure(): Promise<FakeAzure> {
  const azure = new FakeAzure();
  await azure.server.listen();
  after(() => azure.server.close());
  return azure;
}

/** Connects a provider to the fake. */
export async function connect(
  azure: FakeAzure,
  change: Record<string, unknown> = {},
  credentials?: Record<string, unknown>,
): Promise<Provider> {
  const configuration = azure.configure(change);
  const provider = await kind.connect({ name: 'azure', configuration, credentials, env: azure.env });
  after(() => provider.close());
  return provider;
}

/** Pushes as the workflow does: what an earlier push has made is not made again. */
export async function push(provider: Provider, operation: Operation, image: PushedImage): Promise<RegisteredImage> {
  const found = await provider.find(operation, image);
  if (found !== undefined) return found;
  return provider.register(operation, image, await provider.upload(operation, image));
}
