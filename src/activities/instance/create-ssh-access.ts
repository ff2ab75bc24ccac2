import type { BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { ensureSecurityGroup } from './security-group.js';
import { ensureKeyPair } from './key-pair.js';

export interface SshAccess {
  keyName: string;
  securityGroupId: string;
}

/** Creates the build's key pair and security group, or finds those of an earlier try. */
export async function createSshAccess(deps: Deps, { ref }: { ref: BuildRef }): Promise<SshAccess> {
  const [keyName, group] = await Promise.all([ensureKeyPair(deps, ref), ensureSecurityGroup(deps, ref)]);
  return { keyName, securityGroupId: group.id };
}
