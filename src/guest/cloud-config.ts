import { stringify } from 'yaml';
import type { SshKeyPair } from './keys.js';

/**
 * Builds user data that gives the guest its SSH host key, so that we can check the guest's identity at the first
 * connection. The keys in `ssh_keys` replace the keys that cloud-init generates
 * (https://cloudinit.readthedocs.io/en/latest/reference/modules.html#ssh).
 *
 * The names in `ssh_keys` contain the key's type, which the guest's version of cloud-init must support. If it does not
 * support the type, sshd has no host key, because cloud-init generates no other key.
 *
 * The image does not keep the host key: the last clean-up removes it. `disable_root: false` has one effect: root's
 * `authorized_keys` contains the build's key without the usual forced command, which tells users to log in as another
 * user. Builds with `default_user` root need that. At the end, the build removes its key from the guest.
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
