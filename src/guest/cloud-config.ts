import { stringify } from 'yaml';
import type { SshKeyPair } from './keys.js';

/**
 * User data that gives the guest its SSH host key, so that we know from the first connection on whom we talk to
 * (https://cloudinit.readthedocs.io/en/latest/reference/modules.html#ssh: given keys replace generated ones).
 *
 * It goes by the name of its type: a cloud-init that does not know the type makes no key in its place, and then sshd has none.
 *
 * Nothing in it stays in the image: the host key is removed with the machine's identity, and `disable_root: false` only
 * means that root's `authorized_keys` gets the build's key plainly instead of behind a command that says to log in as
 * somebody else. That is needed where `default_user` is root; the key itself is removed at the end.
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
