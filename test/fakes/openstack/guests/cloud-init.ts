import { randomUUID } from 'node:crypto';
import { parse } from 'yaml';
import { generateKeyPair, type SshKeyPair } from '../../../../src/guest/keys.js';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { hostnameOf } from '../compute/server-view.js';
import { rsaKeyPair } from '../core/rsa-key.js';
import { isFields, text, type Fields } from '../core/values.js';
import type { FakeServer } from '../state.js';
import type { RootFiles } from './root-files.js';

/** What concerns the host key. */
type Ssh = Pick<GuestBehaviour, 'oldSsh'>;

const typeOf = ({ oldSsh }: Ssh): 'rsa' | 'ed25519' => (oldSsh ? 'rsa' : 'ed25519');
const pathOf = (ssh: Ssh): string => `etc/ssh/ssh_host_${typeOf(ssh)}_key`;
const LAST_INSTANCE = 'var/lib/cloud/instance-id';

/** What cloud-init does on the first boot of an instance; nothing on later ones. */
export async function firstBoot(files: RootFiles, server: FakeServer, guest: GuestBehaviour): Promise<void> {
  if (((await files.read('etc/machine-id')) ?? '').trim() === '') {
    await files.write('etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`, { mode: 0o444 });
  }
  if (!guest.cloudInit) {
    if ((await hostKey(files, guest)) === undefined) await writeHostKey(files, guest, generated(guest));
    return;
  }
  if ((await files.read(LAST_INSTANCE)) === server.id) return;
  const config = cloudConfig(server);
  await files.write('etc/hostname', `${hostnameOf(server)}\n`, { mode: 0o644 });
  await writeHostKey(files, guest, (guest.takesHostKey ? givenHostKey(config, guest) : undefined) ?? generated(guest));
  await makeUser(files, guest);
  await writeKeys(files, server, guest, config['disable_root'] !== false);
  await files.write('var/log/cloud-init.log', `instance ${server.id}\n`, { mode: 0o640 });
  await files.write(LAST_INSTANCE, server.id, { mode: 0o644 });
}

function cloudConfig(server: FakeServer): Fields {
  const data = Buffer.from(server.userData ?? '', 'base64').toString('utf8');
  if (!data.startsWith('#cloud-config')) return {};
  const parsed: unknown = parse(data);
  return isFields(parsed) ? parsed : {};
}

/** Keys of a type that it does not know are passed over. */
function givenHostKey(config: Fields, ssh: Ssh): SshKeyPair | undefined {
  const keys = isFields(config['ssh_keys']) ? config['ssh_keys'] : {};
  const privateKey = text(keys[`${typeOf(ssh)}_private`]);
  const publicKey = text(keys[`${typeOf(ssh)}_public`]);
  return privateKey === undefined || publicKey === undefined ? undefined : { privateKey, publicKey };
}

function generated(ssh: Ssh): SshKeyPair {
  return ssh.oldSsh ? rsaKeyPair('root@guest') : generateKeyPair();
}

async function writeHostKey(files: RootFiles, ssh: Ssh, { privateKey, publicKey }: SshKeyPair): Promise<void> {
  await files.write(pathOf(ssh), privateKey.endsWith('\n') ? privateKey : `${privateKey}\n`, { mode: 0o600 });
  await files.write(`${pathOf(ssh)}.pub`, `${publicKey.trim()}\n`, { mode: 0o644 });
}

/** The default user, where the image has another one. */
async function makeUser(files: RootFiles, { user, sudo }: GuestBehaviour): Promise<void> {
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

/** The key goes to the default user, and to root behind a command that says whom to log in as, unless told otherwise. */
async function writeKeys(
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

/** What cloud-init prints at the end of a boot. */
export async function finalMessage(files: RootFiles, ssh: Ssh): Promise<string> {
  const key = (await files.read(`${pathOf(ssh)}.pub`))?.trim() ?? '';
  return `cloud-init: -----BEGIN SSH HOST KEY KEYS-----\ncloud-init: ${key}\ncloud-init: -----END SSH HOST KEY KEYS-----\ncloud-init: Cloud-init finished\n\nDebian GNU/Linux 12 guest ttyS0\n\nguest login: `;
}

/** The host key as it lies on the guest's disk now: sshd reads it for every connection. */
export function hostKey(files: RootFiles, ssh: Ssh): Promise<string | undefined> {
  return files.read(pathOf(ssh));
}
