import type { FormatName } from './target-formats.js';

/** A kind of service to which images are pushed. `src/providers/` has one folder for each. */
export type ProviderKindName = 'glance' | 'registry' | 'ec2' | 'gce' | 'azure' | 'vsphere' | 'ovirt' | 'files';

/** What users read about a kind of provider, and what can be decided without asking it. */
export interface ProviderKindDefinition {
  /** The name in texts for people: "Google Compute Engine". */
  title: string;
  /** The formats that the provider takes. */
  formats: readonly FormatName[];
  /** The target that is made when a base image is pushed to the provider. */
  target: string;
  /** What `Image ID on provider` is: "the AMI's id". */
  imageId: string;
}

/** Every kind of provider. */
export const PROVIDER_KINDS: { readonly [K in ProviderKindName]: ProviderKindDefinition } = {
  glance: {
    title: 'Glance of another cloud, region or project',
    formats: ['qcow2', 'raw', 'vmdk', 'vhd', 'vhdx', 'vdi'],
    target: 'openstack-kvm',
    imageId: 'the id of the image in Glance',
  },
  registry: {
    title: 'OCI registry',
    formats: ['oci', 'containerdisk', 'qcow2', 'raw', 'vmdk', 'vhd', 'vhdx', 'vdi', 'ova', 'gce', 'wsl'],
    target: 'containerdisk',
    imageId: 'the reference with the digest of the manifest',
  },
  ec2: { title: 'Amazon EC2', formats: ['raw'], target: 'ec2', imageId: 'the id of the AMI' },
  gce: { title: 'Google Compute Engine', formats: ['gce'], target: 'gce', imageId: 'the name of the image' },
  azure: { title: 'Microsoft Azure', formats: ['vhd'], target: 'azure', imageId: 'the resource id of the image' },
  vsphere: {
    title: 'VMware vSphere',
    formats: ['ova'],
    target: 'ova',
    imageId: 'the id of the item of the content library, or of the template',
  },
  ovirt: { title: 'oVirt', formats: ['qcow2', 'raw'], target: 'rhevm', imageId: 'the id of the disk or the template' },
  files: {
    title: 'a folder, a bucket or a web server',
    formats: [
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
      'oci',
      'wsl',
    ],
    target: 'libvirt',
    imageId: 'the URL of the file',
  },
};

/** Every {@link ProviderKindName}. */
export const PROVIDER_KIND_NAMES = Object.keys(PROVIDER_KINDS) as readonly ProviderKindName[];
