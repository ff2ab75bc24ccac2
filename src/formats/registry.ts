import type { FormatName } from '../domain/targets.js';
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

/** Every output format. */
export const OUTPUT_FORMATS: { readonly [K in FormatName]: OutputFormat } = {
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
