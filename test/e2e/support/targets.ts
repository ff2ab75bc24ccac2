import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { withInstance } from '../../../dev/instance.js';
import type { Cloud } from '../../../src/openstack/types.js';

/** The targets that the end-to-end test makes in one command, each with words of its record's `verified_by`. */
export const TARGETS: Readonly<Record<string, RegExp>> = {
  qcow2: /^qemu-img compare with the source, qemu-img check$/,
  raw: /^qemu-img compare with the source$/,
  vmdk: /^qemu-img compare with the source, qemu-img check$/,
  vhd: /^qemu-img compare with the source, own reader of the VHD footer$/,
  ova: /^qemu-img compare of the disk in the archive with the source/,
  gce: /^disk\.raw in the archive compared with the source byte by byte$/,
  'vagrant-libvirt': /^qemu-img compare with the source, qemu-img check, the packed files compared/,
};

/** Uploads a raw disk to Glance, boots an instance of it until somebody can log in, and deletes the image. */
export async function bootRaw(cloud: Cloud, path: string, flavor: string): Promise<void> {
  const { size } = await stat(path);
  const { id } = await cloud.image.createImage({
    name: 'imagefactory-e2e-raw',
    disk_format: 'raw',
    container_format: 'bare',
    visibility: 'private',
    properties: {},
  });
  try {
    await cloud.image.uploadImage(id, createReadStream(path), { size });
    await withInstance(cloud, { imageId: id, flavor, user: 'debian', commandPrefix: 'sudo' }, async (guest) => {
      assert.equal((await guest.run('hello')).stdout.trim(), 'Hello, world!');
    });
  } finally {
    await cloud.image.deleteImage(id);
  }
}
