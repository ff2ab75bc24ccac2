import { stringify } from 'yaml';
import type { SshKeyPair } from './keys.js';

/**
 * Builds user data that gives the guest its SSH host key: with it we can check the guest's identity at the first
 * connection (https://cloudinit.readthedocs.io/en/latest/reference/modules.html#ssh: given keys replace generated
 * ones).
 *
 * The names in `ssh_keys` depend on the key's type. A cloud-init that does not support the type generates no other key,
 * and sshd then has no host key.
 *
 * Nothing of this stays in the image: the host key is removed with the machine's identity. `disable_root: false` has
 * one effect: root's `authorized_keys` contains the build's key without the usual forced command, which tells users to
 * log in as another user. Builds with `default_user` root need that; the key itself is removed at the end.
 */
export function buildHostKeyUserData(hostKey: SshKeyPair): string {
  const type = hostKey.publicKey.startsWith('ssh-rsa ') ? 'rsa' : 'ed25519';
  const config = {
    disable_root: false,
    ssh_deletekeys: true,
    ssh_keys: { [`${type}_private`]: hostKey.privateKey, [`${type}_public`]: hostKey.publicKey },
  };
  return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}
