import { basename, dirname, join } from 'node:path';
import { GZIP_NAME } from '../archive/gzip.js';
import { HARDWARE_VERSION } from '../archive/guest-os.js';
import { writeOvf } from '../archive/ovf.js';
import { listOffsets } from '../archive/tar.js';
import { writeArchive } from '../archive/verify.js';
import { diskFile, textFile } from '../bytes/content.js';
import { MIB } from '../bytes/sizes.js';
import { digestFile, digestText } from '../disk/digest.js';
import { checkDisk, compareDisks, differsError } from '../disk/qemu-img.js';
import type { OutputFormat } from './output-format.js';
import { LARGEST_VMDK, measureVmdk, vmdk } from './vmdk.js';

/**
 * OVA: a tar with an OVF descriptor, a manifest of digests, and a streamOptimized VMDK, in this order, so that a reader
 * can work while it receives.
 */
export const ova: OutputFormat = {
  extension: 'ova',
  multipleOf: MIB,
  largest: LARGEST_VMDK,
  // What VMware's virtual machines can be.
  arches: ['x86_64', 'i386'],
  verifiedBy: 'qemu-img compare of the disk in the archive with the source, qemu-img check, digests of the manifest',
  disk: { format: 'vmdk', archive: { gzipped: false, member: /\.vmdk$/ } },
  reproducible: true,
  converter: GZIP_NAME,
  write: async (output) => {
    const { source, path, options, signal } = output;
    const name = basename(path, '.ova');
    const disk = { file: `${name}-disk1.vmdk`, path: join(dirname(path), `${name}-disk1.vmdk`) };
    await vmdk.write({ ...output, path: disk.path });
    const { size, sha256 } = await digestFile(disk.path, signal);
    const descriptor = writeOvf({
      ...options,
      name: options.imageName,
      disk: { file: disk.file, size, virtualSize: source.virtualSize },
      hardware: { kind: 'vmware', version: options.hardwareVersion ?? HARDWARE_VERSION, osType: options.osType },
    });
    const manifest = [`SHA256(${name}.ovf)= ${digestText(descriptor)}\n`, `SHA256(${disk.file})= ${sha256}\n`].join('');
    const files = [
      textFile(`${name}.ovf`, descriptor),
      textFile(`${name}.mf`, manifest),
      await diskFile(disk.file, disk.path, signal),
    ];
    const findError = await writeArchive({ path, files, dialect: 'ustar', gzipped: false });
    return async (call) => {
      const error = await findError(call.signal);
      if (error !== undefined) throw differsError(error);
      const member = { path: openMember(path, listOffsets(files)[2] ?? 0, size), format: 'vmdk' } as const;
      await checkDisk(member, call);
      await compareDisks(source, member, call);
    };
  },
  // The disk exists beside the archive until the archive is verified.
  measure: async (measure) => 2 * measureVmdk(measure) + MIB,
};

/** Names a disk inside of a file, for qemu-img. */
function openMember(path: string, offset: number, size: number): string {
  const file = { driver: 'file', filename: path };
  return `json:${JSON.stringify({ driver: 'vmdk', file: { driver: 'raw', offset, size, file } })}`;
}
