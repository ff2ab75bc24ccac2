import type { DiskFormatName, RootFormatName } from '../domain/target-formats.js';
import { containerdisk } from './outputs/containerdisk.js';
import { gce } from './outputs/gce.js';
import type { OutputFormat } from './outputs/output-format.js';
import { ova } from './outputs/ova.js';
import { qcow2 } from './outputs/qcow2.js';
import { raw } from './outputs/raw.js';
import { vagrantLibvirt } from './outputs/vagrant-libvirt.js';
import { vagrantVirtualbox } from './outputs/vagrant-virtualbox.js';
import { vdi } from './outputs/vdi.js';
import { vhd, vhdDynamic } from './outputs/vhd.js';
import { vhdx } from './outputs/vhdx.js';
import { vmdk } from './outputs/vmdk.js';
import { oci } from './roots/oci.js';
import type { RootFormat } from './roots/root-format.js';
import { wsl } from './roots/wsl.js';

/** Every output format of a disk. */
export const OUTPUT_FORMATS: { readonly [K in DiskFormatName]: OutputFormat } = {
  qcow2,
  raw,
  vmdk,
  vhd,
  'vhd-dynamic': vhdDynamic,
  vhdx,
  vdi,
  gce,
  ova,
  'vagrant-libvirt': vagrantLibvirt,
  'vagrant-virtualbox': vagrantVirtualbox,
  containerdisk,
};

/** Every output format of a root file system. */
export const ROOT_FORMATS: { readonly [K in RootFormatName]: RootFormat } = { oci, wsl };
