import { createHash, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FormatName } from '../../../src/domain/target-formats.js';
import type { PushedImage } from '../../../src/providers/types.js';

/** Makes the image that a test pushes, from the bytes of its file. */
export async function createPushedImage(
  folder: string,
  content: Buffer,
  options: Partial<Omit<PushedImage, 'file'>> & { format?: FormatName; virtualSize?: number; fileName?: string } = {},
): Promise<PushedImage> {
  const { format = 'raw', virtualSize = content.length, fileName = `debian-12.${format}`, ...image } = options;
  const uuid = image.uuid ?? randomUUID();
  const path = join(folder, `${uuid}.body`);
  await writeFile(path, content);
  return {
    uuid,
    source: randomUUID(),
    name: 'debian-12-test',
    os: { name: 'Debian', version: '12', arch: 'x86_64' },
    firmware: 'bios',
    secureBoot: false,
    guestProperties: {},
    documents: { record: '{"identifier":"test"}', icicle: '<icicle><packages/></icicle>' },
    ...image,
    file: {
      path,
      name: fileName,
      format,
      size: content.length,
      virtualSize,
      sha256: createHash('sha256').update(content).digest('hex'),
      sha512: createHash('sha512').update(content).digest('hex'),
    },
  };
}

/** Makes the bytes of a disk in which only some blocks hold data, each of them different. */
export function createDisk(options: { blocks: number; blockSize: number; data: readonly number[] }): Buffer {
  const disk = Buffer.alloc(options.blocks * options.blockSize);
  for (const index of options.data) {
    const start = index * options.blockSize;
    disk.fill(`block ${index} of the disk `, start, start + options.blockSize);
  }
  return disk;
}
