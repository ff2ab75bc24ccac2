/** A format that holds a root file system, not a disk. It is made from a guest that runs. */
export type RootFormatName = 'oci' | 'wsl';

/** A format that holds a disk. It is converted from the image in Glance. */
export type DiskFormatName =
  | 'qcow2'
  | 'raw'
  | 'vmdk'
  | 'vhd'
  | 'vhd-dynamic'
  | 'vhdx'
  | 'vdi'
  | 'gce'
  | 'ova'
  | 'vagrant-libvirt'
  | 'vagrant-virtualbox'
  | 'containerdisk';

/** An output format of a target image. `src/formats/` has one file for each. */
export type FormatName = DiskFormatName | RootFormatName;

/** Every {@link RootFormatName}. */
export const ROOT_FORMAT_NAMES: readonly RootFormatName[] = ['oci', 'wsl'];

/** Every {@link DiskFormatName}. */
export const DISK_FORMAT_NAMES: readonly DiskFormatName[] = [
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
];

/** Every {@link FormatName}. */
export const FORMAT_NAMES: readonly FormatName[] = [...DISK_FORMAT_NAMES, ...ROOT_FORMAT_NAMES];

/** Whether a format holds a root file system. */
export function isRootFormat(name: FormatName): name is RootFormatName {
  return (ROOT_FORMAT_NAMES as readonly FormatName[]).includes(name);
}
