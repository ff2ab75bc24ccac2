/** The formats that hold a root file system, not a disk. They are made from a guest that runs. */
export const ROOT_FORMAT_NAMES = ['oci', 'wsl'] as const;

export type RootFormatName = (typeof ROOT_FORMAT_NAMES)[number];

/** The formats that hold a disk. They are converted from the image in Glance. */
export const DISK_FORMAT_NAMES = [
  'qcow2',
  'raw',
  'vmdk',
  'vhd',
  'vhd-dynamic',
  'vhdx',
  'vdi',
  'gce',
  'ova',
  'vagrant-libvirt',
  'vagrant-virtualbox',
  'containerdisk',
] as const;

export type DiskFormatName = (typeof DISK_FORMAT_NAMES)[number];

/** The output formats of a target image. `src/formats/` has one file for each. */
export const FORMAT_NAMES = [...DISK_FORMAT_NAMES, ...ROOT_FORMAT_NAMES] as const;

export type FormatName = DiskFormatName | RootFormatName;

/** Whether a format holds a root file system. */
export function isRootFormat(name: FormatName): name is RootFormatName {
  return (ROOT_FORMAT_NAMES as readonly FormatName[]).includes(name);
}
