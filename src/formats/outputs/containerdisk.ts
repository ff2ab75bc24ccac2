import { dirname, join } from 'node:path';
import { gzipBound, GZIP_NAME } from '../archive/gzip.js';
import { writeOciArchive } from '../archive/oci.js';
import { writeTar } from '../archive/tar.js';
import { findOciError } from '../archive/verify-oci.js';
import { type ArchiveFile, ByteReader, diskFile, findDifference } from '../bytes/content.js';
import { MIB } from '../bytes/sizes.js';
import { differsError } from '../disk/qemu-img.js';
import type { OutputFormat } from './output-format.js';
import { qcow2 } from './qcow2.js';

/** The user and the group `qemu` of KubeVirt's machines. */
const QEMU = 107;
/** Nobody writes: KubeVirt gives a machine a layer of its own over the disk. */
const MODES = { folder: 0o555, file: 0o444 };

/** KubeVirt's containerDisk: a container image with nothing but the disk, as an uncompressed qcow2 in `/disk`. */
export const containerdisk: OutputFormat = {
  extension: 'tar',
  multipleOf: qcow2.multipleOf,
  verifiedBy: `${qcow2.verifiedBy}, the layer compared with that disk, own reader of all digests of the container image`,
  reproducible: true,
  converter: GZIP_NAME,
  write: async (output) => {
    const { options, signal } = output;
    const path = join(dirname(output.path), 'disk.qcow2');
    // The layer is compressed; a compressed disk in it would only be slow to read.
    const verifyDisk = await qcow2.write({ ...output, path, options: { ...options, compression: 'none' } });
    const files: ArchiveFile[] = [
      { name: 'disk/', size: 0, mode: MODES.folder, owner: QEMU, read: readNothing },
      { ...(await diskFile('disk/disk.qcow2', path, signal)), mode: MODES.file, owner: QEMU },
    ];
    const writeLayer = (): AsyncIterable<Buffer> => writeTar(files, 'oldgnu');
    await writeOciArchive(output.path, { name: options.imageName, arch: options.system.arch, layer: writeLayer() });
    return async (call) => {
      await verifyDisk(call);
      const error = await findOciError(output.path, (layer) => findLayerError(layer, writeLayer()), call.signal);
      if (error !== undefined) throw differsError(error);
    };
  },
  measure: async (measure) => {
    const disk = await qcow2.measure(measure);
    return disk + gzipBound(disk) + MIB;
  },
};

async function* readNothing(): AsyncGenerator<Buffer> {}

async function findLayerError(
  stream: AsyncIterable<Buffer>,
  expected: AsyncIterable<Buffer>,
): Promise<string | undefined> {
  const layer = new ByteReader(stream);
  const { difference, length } = await findDifference(expected, layer);
  if (difference !== undefined) return `the layer is wrong behind its first ${difference} bytes (unpacked)`;
  return (await layer.read(1)).length > 0 ? `the layer has more than ${length} bytes (unpacked)` : undefined;
}
