import { FactoryError } from '../domain/errors.js';
import { azure, hyperv } from './targets/hyperv.js';
import { ec2 } from './targets/ec2.js';
import { gce } from './targets/gce.js';
import { ovirt } from './targets/ovirt.js';
import { vagrantLibvirt, vagrantVirtualbox } from './targets/vagrant.js';
import { vsphere } from './targets/vsphere.js';
import type { TargetProfile } from './types.js';

/** Every profile. The table of targets in src/domain/targets.ts names them. */
export const PROFILES: readonly TargetProfile[] = [
  ec2,
  gce,
  azure,
  hyperv,
  vsphere,
  ovirt,
  vagrantLibvirt,
  vagrantVirtualbox,
];

/** Finds a profile by the name that a target has for it. */
export function findTargetProfile(name: string): TargetProfile {
  const found = PROFILES.find((profile) => profile.name === name);
  if (found === undefined) throw new FactoryError('Internal', `there is no target profile ${name}`);
  return found;
}
