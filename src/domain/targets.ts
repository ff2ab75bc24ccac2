import {
  type BootMachine,
  EC2_MACHINE,
  HYPERV_MACHINE,
  SCSI_MACHINE,
  VIRTUALBOX_MACHINE,
  VMWARE_MACHINE,
} from './boot-machines.js';
import type { FormatName } from './target-formats.js';

/** A cloud or hypervisor that an image can be made for, or a format that a user may ask for by its own name. */
export interface Target {
  /** The name in records, messages and documents. */
  name: string;
  /** Other names that users may write, such as those of the original imagefactory. */
  aliases: readonly string[];
  /** The name in texts for people: "Google Compute Engine". */
  title: string;
  format: FormatName;
  /** The machine in which `verify boot` boots the output. Default: that of KVM, with virtio. */
  machine?: BootMachine;
  /** Why `verify boot` cannot boot the output, although QEMU can read its disk. Unset when it can. */
  noMachine?: string;
  /**
   * Name of the profile with what the guest needs for the target: packages, drivers, users (src/profiles/). Unset: the
   * base image is converted as it is.
   */
  profile?: string;
  /** How the output is verified for real, in words for the documents. */
  verified: string;
  /** Where the output has not been tried, in words for the documents. Unset when nothing remains to be tried. */
  notVerified?: string;
}

const COMPARED = '`qemu-img compare` with the source';
const CHECKED = `${COMPARED}, \`qemu-img check\``;
const FOOTER = `${COMPARED}, own reader of the VHD footer, \`qemu-img info -f vpc\``;
const BOXED = `${CHECKED}, before the disk is packed; its digest inside of the box; added by Vagrant 2.3.4`;

const NO_GEN2 = 'QEMU has no disk controller of Hyper-V’s generation 2';
const ROOT_CHECKED =
  'the tar’s digest and number of entries compared with what the guest says; its names checked; all digests by an own reader; `skopeo`, `umoci`';

/** Every target that can be made. */
export const TARGETS: readonly Target[] = [
  {
    name: 'openstack-kvm',
    aliases: ['openstack', 'glance', 'kvm'],
    title: 'OpenStack with KVM',
    format: 'qcow2',
    verified: CHECKED,
  },
  {
    name: 'rhevm',
    aliases: ['ovirt', 'rhv'],
    title: 'oVirt, Red Hat Virtualization',
    format: 'qcow2',
    profile: 'ovirt',
    verified: CHECKED,
    notVerified: 'oVirt',
  },
  {
    name: 'libvirt',
    aliases: ['qemu', 'qcow2'],
    title: 'libvirt, QEMU; the format qcow2',
    format: 'qcow2',
    verified: CHECKED,
  },
  { name: 'proxmox', aliases: [], title: 'Proxmox VE', format: 'qcow2', verified: CHECKED, notVerified: 'Proxmox VE' },
  {
    name: 'oci-cloud',
    aliases: ['oracle-cloud'],
    title: 'Oracle Cloud Infrastructure',
    format: 'qcow2',
    verified: CHECKED,
    notVerified: 'Oracle’s cloud',
  },
  {
    name: 'alibaba',
    aliases: ['aliyun'],
    title: 'Alibaba Cloud',
    format: 'qcow2',
    verified: CHECKED,
    notVerified: 'Alibaba’s cloud',
  },
  {
    name: 'incus',
    aliases: ['lxd'],
    title: 'Incus, LXD: virtual machines',
    format: 'qcow2',
    machine: SCSI_MACHINE,
    verified: CHECKED,
    notVerified: 'Incus, LXD',
  },
  {
    name: 'ec2',
    aliases: ['aws', 'ami'],
    title: 'Amazon EC2',
    format: 'raw',
    machine: EC2_MACHINE,
    profile: 'ec2',
    verified: COMPARED,
    notVerified: 'EC2',
  },
  { name: 'raw', aliases: ['img'], title: 'the format raw', format: 'raw', verified: COMPARED },
  {
    name: 'gce',
    aliases: ['gcp', 'google'],
    title: 'Google Compute Engine',
    format: 'gce',
    machine: SCSI_MACHINE,
    profile: 'gce',
    verified: 'the member of the archive compared with the source, byte by byte; `tar tvf`',
    notVerified: 'Google Compute Engine',
  },
  {
    name: 'azure',
    aliases: [],
    title: 'Microsoft Azure',
    format: 'vhd',
    machine: HYPERV_MACHINE,
    profile: 'azure',
    verified: FOOTER,
    notVerified: 'Azure',
  },
  {
    name: 'hyperv',
    aliases: ['hyper-v'],
    title: 'Hyper-V, generation 2',
    format: 'vhdx',
    noMachine: NO_GEN2,
    profile: 'hyperv',
    verified: CHECKED,
    notVerified: 'Hyper-V',
  },
  {
    name: 'hyperv-gen1',
    aliases: [],
    title: 'Hyper-V, generation 1',
    format: 'vhd-dynamic',
    machine: HYPERV_MACHINE,
    profile: 'hyperv',
    verified: FOOTER,
    notVerified: 'Hyper-V',
  },
  {
    name: 'vsphere',
    aliases: ['vmware', 'esxi'],
    title: 'VMware vSphere',
    format: 'vmdk',
    machine: VMWARE_MACHINE,
    verified: `${CHECKED}; a Debian 12 booted by QEMU with pvscsi`,
    profile: 'vsphere',
    notVerified: 'ESXi, vCenter',
  },
  {
    name: 'ova',
    aliases: ['ovf'],
    title: 'OVA for vSphere and other readers of OVF 1.1',
    format: 'ova',
    machine: VMWARE_MACHINE,
    verified: `${CHECKED}, on the disk inside the archive; \`tar tvf\`; read by virt-v2v 2.2.0`,
    profile: 'vsphere',
    notVerified: 'ESXi, vCenter',
  },
  {
    name: 'virtualbox',
    aliases: ['vbox', 'vdi'],
    title: 'VirtualBox; the format VDI',
    format: 'vdi',
    machine: VIRTUALBOX_MACHINE,
    verified: CHECKED,
    notVerified: 'VirtualBox',
  },
  {
    name: 'vagrant-libvirt',
    aliases: [],
    title: 'Vagrant box for libvirt',
    format: 'vagrant-libvirt',
    verified: BOXED,
    notVerified: 'vagrant-libvirt’s own machines',
    profile: 'vagrant-libvirt',
  },
  {
    name: 'vagrant-virtualbox',
    aliases: [],
    title: 'Vagrant box for VirtualBox',
    format: 'vagrant-virtualbox',
    machine: VIRTUALBOX_MACHINE,
    verified: BOXED,
    notVerified: 'VirtualBox',
    profile: 'vagrant-virtualbox',
  },
  {
    name: 'vmdk',
    machine: VMWARE_MACHINE,
    aliases: [],
    title: 'the format VMDK, streamOptimized',
    format: 'vmdk',
    verified: CHECKED,
  },
  {
    name: 'vhd',
    machine: HYPERV_MACHINE,
    aliases: ['vhd-fixed'],
    title: 'the format VHD, fixed',
    format: 'vhd',
    verified: FOOTER,
  },
  {
    name: 'vhd-dynamic',
    machine: HYPERV_MACHINE,
    aliases: ['vpc'],
    title: 'the format VHD, dynamic',
    format: 'vhd-dynamic',
    verified: FOOTER,
  },
  { name: 'vhdx', noMachine: NO_GEN2, aliases: [], title: 'the format VHDX', format: 'vhdx', verified: CHECKED },
  {
    name: 'containerdisk',
    aliases: ['kubevirt'],
    title: 'KubeVirt: a containerDisk',
    format: 'containerdisk',
    verified: `${CHECKED}, before the disk is packed; the layer and all digests by an own reader; \`skopeo\`, \`umoci\``,
    notVerified: 'KubeVirt',
  },
  {
    name: 'docker',
    aliases: ['podman'],
    title: 'Docker, Podman: a container image',
    format: 'oci',
    verified: ROOT_CHECKED,
    notVerified: 'Docker, Podman',
  },
  {
    name: 'oci',
    aliases: [],
    title: 'an OCI image for registries and other containers',
    format: 'oci',
    verified: ROOT_CHECKED,
  },
  {
    name: 'wsl',
    aliases: [],
    title: 'Windows Subsystem for Linux',
    format: 'wsl',
    verified: 'the tar’s digest and number of entries compared with what the guest says; its names checked',
    notVerified: 'Windows',
  },
];

/** A target that no image can be made for, and what the user can do instead. */
export interface RefusedTarget {
  names: readonly string[];
  /** Why there is none: "the service Atlas has ended". */
  why: string;
  /** What to do instead, as a hint. */
  instead: string;
}

/** Targets that users may know from other tools, and that are refused by name. */
export const REFUSED_TARGETS: readonly RefusedTarget[] = [
  {
    names: ['rackspace'],
    why: 'Rackspace’s own image service has ended',
    instead: 'use openstack-kvm: Rackspace’s clouds are OpenStack',
  },
  {
    names: ['atlas'],
    why: 'the service Atlas has ended',
    instead: 'use vagrant-libvirt or vagrant-virtualbox, and publish the box yourself',
  },
  {
    names: ['indirection'],
    why: 'an image that a utility image makes cannot be made yet',
    instead: 'docs/targets.md lists the targets that can be made',
  },
];
