import { randomUUID } from 'node:crypto';
import { parse } from 'yaml';
import { generateKeyPair, type SshKeyPair } from '../../../../src/guest/keys.js';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { buildHostname } from '../compute/server-view.js';
import { generateRsaKeyPair } from '../core/rsa-key.js';
import { isFields, asText, type Fields } from '../core/values.js';
import type { FakeServer } from '../state.js';
import type { RootFiles } from './root-files.js';

/** The field of the behaviour that decides the type of the host key. */
type Ssh = Pick<GuestBehaviour, 'oldSsh'>;

const keyType = ({ oldSsh }: Ssh): 'rsa' | 'ed25519' => (oldSsh ? 'rsa' : 'ed25519');
const hostKeyPath = (ssh: Ssh): string => `etc/ssh/ssh_host_${keyType(ssh)}_key`;
const LAST_INSTANCE = 'var/lib/cloud/instance-id';

/**
 * Sets the machine id if it is empty. On the first boot of an instance, also does the work of cloud-init. In a guest
 * without cloud-init, only creates a host key if the guest has none.
 */
export async function runCloudInit(files: RootFiles, server: FakeServer, guest: GuestBehaviour): Promise<void> {
  if (((await files.read('etc/machine-id')) ?? '').trim() === '') {
    await files.write('etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`, { mode: 0o444 });
  }
  if (!guest.cloudInit) {
    if ((await readHostKey(files, guest)) === undefined) await writeHostKey(files, guest, generateHostKey(guest));
    return;
  }
  if ((await files.read(LAST_INSTANCE)) === server.id) return;
  const config = parseCloudConfig(server);
  await files.write('etc/hostname', `${buildHostname(server)}\n`, { mode: 0o644 });
  await writeHostKey(
    files,
    guest,
    (guest.takesHostKey ? findHostKey(config, guest) : undefined) ?? generateHostKey(guest),
  );
  await createUser(files, guest);
  await writeAuthorizedKeys(files, server, guest, config['disable_root'] !== false);
  await files.write('var/log/cloud-init.log', `instance ${server.id}\n`, { mode: 0o640 });
  await files.write(LAST_INSTANCE, server.id, { mode: 0o644 });
}

function parseCloudConfig(server: FakeServer): Fields {
  const data = Buffer.from(server.userData ?? '', 'base64').toString('utf8');
  if (!data.startsWith('#cloud-config')) return {};
  const parsed: unknown = parse(data);
  return isFields(parsed) ? parsed : {};
}

/** Finds the host key in the user data. Ignores keys of a type that the guest does not support. */
function findHostKey(config: Fields, ssh: Ssh): SshKeyPair | undefined {
  const keys = isFields(config['ssh_keys']) ? config['ssh_keys'] : {};
  const privateKey = asText(keys[`${keyType(ssh)}_private`]);
  const publicKey = asText(keys[`${keyType(ssh)}_public`]);
  return privateKey === undefined || publicKey === undefined ? undefined : { privateKey, publicKey };
}

function generateHostKey(ssh: Ssh): SshKeyPair {
  return ssh.oldSsh ? generateRsaKeyPair('root@guest') : generateKeyPair();
}

async function writeHostKey(files: RootFiles, ssh: Ssh, { privateKey, publicKey }: SshKeyPair): Promise<void> {
  await files.write(hostKeyPath(ssh), privateKey.endsWith('\n') ? privateKey : `${privateKey}\n`, { mode: 0o600 });
  await files.write(`${hostKeyPath(ssh)}.pub`, `${publicKey.trim()}\n`, { mode: 0o644 });
}

/** Creates the default user if the image does not have it, and writes the user's rule for sudo. */
async function createUser(files: RootFiles, { user, sudo }: GuestBehaviour): Promise<void> {
  const users = await files.users();
  if (!users.some(({ name }) => name === user)) {
    const uid = 1001;
    await files.write(
      'etc/passwd',
      `${await files.read('etc/passwd')}${user}:x:${uid}:${uid}::/home/${user}:/bin/sh\n`,
      { mode: 0o644 },
    );
    await files.write('etc/group', `${await files.read('etc/group')}${user}:x:${uid}:\n`, { mode: 0o644 });
  }
  const rules = { nopasswd: `${user} ALL=(ALL) NOPASSWD:ALL\n`, password: `${user} ALL=(ALL) ALL\n`, none: '' };
  await files.write('etc/sudoers.d/90-cloud-init-users', rules[sudo], { mode: 0o440 });
}

/**
 * Authorizes the server's key pair for the default user and for root. With `disable_root`, root's line has a forced
 * command that tells the caller to log in as the default user.
 */
async function writeAuthorizedKeys(
  files: RootFiles,
  server: FakeServer,
  { user }: GuestBehaviour,
  disableRoot: boolean,
): Promise<void> {
  if (server.publicKey === undefined) return;
  const key = server.publicKey.trim();
  const behind = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \\"${user}\\" rather than the user \\"root\\".';echo;sleep 10;exit 142" `;
  for (const owner of await files.users()) {
    if (owner.name !== user && owner.name !== 'root') continue;
    const line = owner.name === 'root' && user !== 'root' && disableRoot ? behind + key : key;
    const path = `${owner.home.slice(1)}/.ssh/authorized_keys`;
    const before = ((await files.read(path)) ?? '').split('\n').filter((other) => other !== '' && other !== line);
    await files.write(path, `${[...before, line].join('\n')}\n`, { mode: 0o600, owner });
  }
}

/** Builds the text that cloud-init prints at the end of a boot. */
export async function buildFinalMessage(files: RootFiles, ssh: Ssh): Promise<string> {
  const key = (await files.read(`${hostKeyPath(ssh)}.pub`))?.trim() ?? '';
  return `cloud-init: -----BEGIN SSH HOST KEY KEYS-----\ncloud-init: ${key}\ncloud-init: -----END SSH HOST KEY KEYS-----\ncloud-init: Cloud-init finished\n\nDebian GNU/Linux 12 guest ttyS0\n\nguest login: `;
}

/** Reads the host key from the guest's disk. The fake sshd calls this function for every connection. */
export function readHostKey(files: RootFiles, ssh: Ssh): Promise<string | undefined> {
  return files.read(hostKeyPath(ssh));
}
