import { createCipheriv, createHash } from 'node:crypto';
import { writeOvf } from '../../../src/formats/archive/ovf.js';
import { writeTar } from '../../../src/formats/archive/tar.js';
import { textFile } from '../../../src/formats/bytes/content.js';
import type { ArchiveFile } from '../../../src/formats/bytes/content.js';

/** Bytes of the disk that the guest of a test's OVA sees. */
export const OVA_CAPACITY = 64 * 1024 * 1024;

/** Makes bytes that cannot be compressed, the same for the same seed. */
export function createBytes(seed: string, size: number): Buffer {
  const key = createHash('md5').update(seed).digest();
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** Makes an OVA as the target `ova` writes it. Its disk has the given bytes, which need not be a disk. */
export async function createOva(disk: Buffer, hardware = 19): Promise<Buffer> {
  const descriptor = writeOvf({
    name: 'debian-12',
    cpus: 1,
    memory: 1024,
    system: { os: 'Debian', version: '12', arch: 'x86_64', firmware: 'bios', secureBoot: false },
    disk: { file: 'debian-12-disk1.vmdk', size: disk.length, virtualSize: OVA_CAPACITY },
    hardware: { kind: 'vmware', version: hardware },
  });
  const digest = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
  const manifest = `SHA256(debian-12.ovf)= ${digest(descriptor)}\nSHA256(debian-12-disk1.vmdk)= ${digest(disk)}\n`;
  const files: ArchiveFile[] = [
    textFile('debian-12.ovf', descriptor),
    textFile('debian-12.mf', manifest),
    {
      name: 'debian-12-disk1.vmdk',
      size: disk.length,
      async *read() {
        yield disk;
      },
    },
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of writeTar(files, 'ustar')) chunks.push(chunk);
  return Buffer.concat(chunks);
}
