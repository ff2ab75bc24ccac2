import { dirname, join } from 'node:path';
import { gzipBound, GZIP_NAME } from '../archive/gzip.js';
import { diskFile, textFile } from '../bytes/content.js';
import { GIB } from '../bytes/sizes.js';
import type { ConversionOptions } from '../disk/types.js';
import type { OutputFormat } from './output-format.js';
import { qcow2 } from './qcow2.js';
import { BOX_VERIFIED, packBox, writeMetadata } from './vagrant-box.js';

/** Vagrant box for the provider libvirt: its metadata, a Vagrantfile, and the disk as an uncompressed qcow2. */
export const vagrantLibvirt: OutputFormat = {
  extension: 'box',
  multipleOf: qcow2.multipleOf,
  verifiedBy: `${qcow2.verifiedBy}, ${BOX_VERIFIED}`,
  disk: { format: 'qcow2', archive: { gzipped: true, member: /^box\.img$/ } },
  reproducible: true,
  converter: GZIP_NAME,
  write: async (output) => {
    const { source, options, signal } = output;
    const path = join(dirname(output.path), 'box.img');
    // The archive is compressed; a compressed disk in it would only be slow to read.
    const verify = await qcow2.write({ ...output, path, options: { ...options, compression: 'none' } });
    // The plugin wants whole GiB, and makes a disk of that size: rounded down, it would not hold the image.
    const size = Math.ceil(source.virtualSize / GIB);
    const files = [
      textFile(
        'metadata.json',
        writeMetadata(options.system, { provider: 'libvirt', format: 'qcow2', virtual_size: size }),
      ),
      textFile('Vagrantfile', writeVagrantfile(options.system)),
      await diskFile('box.img', path, signal),
    ];
    return packBox(files, output, verify);
  },
  measure: async (measure) => {
    const disk = await qcow2.measure(measure);
    return disk + gzipBound(disk);
  },
};

/** Where distributions install the firmware, by architecture. */
const FIRMWARE: Readonly<Record<string, readonly string[]>> = {
  x86_64: [
    '/usr/share/OVMF/OVMF_CODE.fd',
    '/usr/share/OVMF/OVMF_CODE_4M.fd',
    '/usr/share/edk2/ovmf/OVMF_CODE.fd',
    '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
    '/usr/share/qemu/ovmf-x86_64-code.bin',
  ],
  aarch64: [
    '/usr/share/AAVMF/AAVMF_CODE.fd',
    '/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw',
    '/usr/share/qemu/aavmf-aarch64-code.bin',
  ],
};

function writeVagrantfile({ firmware, arch }: ConversionOptions['system']): string {
  const paths = firmware === 'uefi' ? (FIRMWARE[arch] ?? []) : [];
  const loader = [
    `    # The image boots by UEFI: the firmware is where the distribution of this machine has it.`,
    `    loader = ${JSON.stringify(paths)}.find { |path| File.exist?(path) }`,
    `    libvirt.loader = loader if loader`,
  ];
  return [
    'Vagrant.configure("2") do |config|',
    '  config.vm.provider :libvirt do |libvirt|',
    '    libvirt.disk_bus = "virtio"',
    ...(paths.length === 0 ? [] : loader),
    '  end',
    'end',
    '',
  ].join('\n');
}
