import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open, stat, unlink } from 'node:fs/promises';
import { randomBytes, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { SourceImage } from '../src/activities/images/source-image.js';
import { readExpectedDigest } from '../src/openstack/image/transfer.js';
import type { Cloud } from '../src/openstack/types.js';

const run = promisify(execFile);
const MIB = 1024 ** 2;
/** Distance between two MiB with data. */
const SPREAD = 4 * MIB;

/** Makes a qcow2 whose data are spread over the disk. One half of them cannot be compressed, the other one is text. */
export async function makeDisk(
  path: string,
  { virtualSize, data }: { virtualSize: number; data: number },
): Promise<void> {
  const raw = `${path}.raw`;
  const file = await open(raw, 'w');
  await file.truncate(virtualSize);
  const text = Buffer.alloc(MIB, 'The quick brown fox jumps over the lazy dog, and writes a line into its log.\n');
  for (let written = 0; written < data; written += MIB) {
    const bytes = (written / MIB) % 2 === 0 ? randomBytes(MIB) : text;
    await file.write(bytes, 0, MIB, (written / MIB) * SPREAD);
  }
  await file.close();
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path]);
  await unlink(raw);
}

/** Uploads a qcow2 to Glance. */
export async function uploadDisk(cloud: Cloud, path: string): Promise<SourceImage> {
  const name = `imagefactory-bench-${randomUUID()}`;
  const { id } = await cloud.image.createImage({ name, disk_format: 'qcow2', container_format: 'bare' });
  const { size } = await stat(path);
  await cloud.image.uploadImage(id, createReadStream(path), { size });
  const image = await cloud.image.getImage(id);
  const digest = image === undefined ? undefined : readExpectedDigest(image);
  return { imageId: id, diskFormat: 'qcow2', size, ...(digest === undefined ? {} : { digest }) };
}
