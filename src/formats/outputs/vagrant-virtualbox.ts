import { dirname, join } from 'node:path';
import { GZIP_NAME } from '../archive/gzip.js';
import { writeOvf } from '../archive/ovf.js';
import { diskFile, textFile } from '../bytes/content.js';
import { MIB } from '../bytes/sizes.js';
import { digestText } from '../disk/digest.js';
import type { ConversionOptions } from '../disk/types.js';
import type { OutputFormat } from './output-format.js';
import { BOX_VERIFIED, packBox, writeMetadata } from './vagrant-box.js';
import { LARGEST_VMDK, measureVmdk, vmdk } from './vmdk.js';

const DISK = 'box-disk001.vmdk';
/** The first half of the addresses of VirtualBox's network adapters. */
const MAC_PREFIX = '080027';

/** Vagrant box for the provider VirtualBox: its metadata, a Vagrantfile, an OVF descriptor, and the disk as a VMDK. */
export const vagrantVirtualbox: OutputFormat = {
  extension: 'box',
  multipleOf: MIB,
  largest: LARGEST_VMDK,
  verifiedBy: `${vmdk.verifiedBy}, ${BOX_VERIFIED}`,
  disk: { format: 'vmdk', archive: { gzipped: true, member: /\.vmdk$/ } },
  reproducible: true,
  converter: GZIP_NAME,
  write: async (output) => {
    const { source, options, signal } = output;
    const path = join(dirname(output.path), DISK);
    const verify = await vmdk.write({ ...output, path });
    const disk = await diskFile(DISK, path, signal);
    const macAddress = chooseMacAddress(options.imageName);
    const descriptor = writeOvf({
      ...options,
      name: options.imageName,
      disk: { file: DISK, size: disk.size, virtualSize: source.virtualSize },
      hardware: { kind: 'virtualbox', macAddress },
    });
    const files = [
      textFile('metadata.json', writeMetadata(options.system, { provider: 'virtualbox' })),
      textFile('Vagrantfile', writeVagrantfile(options.system, macAddress)),
      textFile('box.ovf', descriptor),
      disk,
    ];
    return packBox(files, output, verify);
  },
  measure: async (measure) => 2 * measureVmdk(measure) + MIB,
};

/** Chooses an address that is always the same for an image. Vagrant gives each machine one of its own. */
function chooseMacAddress(imageName: string): string {
  return `${MAC_PREFIX}${digestText(imageName).slice(0, 6).toUpperCase()}`;
}

/**
 * Writes the Vagrantfile. Vagrant must know the address of the first adapter. OVF cannot say that the firmware is UEFI,
 * so VirtualBox is told.
 */
function writeVagrantfile({ firmware }: ConversionOptions['system'], macAddress: string): string {
  return [
    'Vagrant.configure("2") do |config|',
    `  config.vm.base_mac = "${macAddress}"`,
    ...(firmware === 'uefi'
      ? [
          '  config.vm.provider :virtualbox do |virtualbox|',
          '    virtualbox.customize ["modifyvm", :id, "--firmware", "efi"]',
          '  end',
        ]
      : []),
    'end',
    '',
  ].join('\n');
}
