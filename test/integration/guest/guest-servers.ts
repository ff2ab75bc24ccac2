import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { connectGuest } from '../../../src/guest/connect.js';
import { generateKeyPair, generateRsaKeyPair, readKeyBlob, type SshKeyPair } from '../../../src/guest/keys.js';
import type { Guest, GuestAddress } from '../../../src/guest/types.js';

/**
 * An SSH server that plays the role of a guest. Clients connect to it with real SSH, and it runs their commands in real
 * shells on this machine.
 */
export interface GuestServer {
  /** A folder that only this server uses. */
  directory: string;
  address: GuestAddress;
  connect(overrides?: Partial<GuestAddress>): Promise<Guest>;
  /** Cuts every connection as a failing network does: the client gets no message, and running commands continue. */
  drop(): void;
  close(): Promise<void>;
}

interface Keys {
  login: SshKeyPair;
  host: SshKeyPair;
}

type Listen = (directory: string, keys: Keys) => Promise<{ server: Server | ssh2.Server; drop(): void }>;

async function startGuestServer(
  listen: Listen,
  keys: Keys = { login: generateKeyPair(), host: generateKeyPair() },
): Promise<GuestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'guest-'));
  const { server, drop } = await listen(directory, keys);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const address: GuestAddress = {
    host: '127.0.0.1',
    port,
    username: userInfo().username,
    privateKey: keys.login.privateKey,
    hostKeys: [keys.host.publicKey],
    commandPrefix: '',
  };
  const guests: Guest[] = [];
  return {
    directory,
    address,
    drop,
    async connect(overrides = {}) {
      const guest = await connectGuest({ ...address, ...overrides }, { timeout: 20 });
      guests.push(guest);
      return guest;
    },
    async close() {
      for (const guest of guests) guest.close();
      drop();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Starts an SSH server in this process. `answer` handles each command. */
export function startSsh2Server(answer: AnswerCommand): Promise<GuestServer> {
  return startGuestServer(listenWithSsh2(() => Promise.resolve(answer)));
}

/** Creates an SSH server in this process. It runs commands with the PATH that `path` returns. */
function listenWithPrograms(path: (directory: string) => Promise<string>): Listen {
  return listenWithSsh2(async (directory) => {
    const env = { ...process.env, PATH: await path(directory) };
    return (channel, command) => serve(channel, spawn('sh', ['-c', command], { env, stdio: 'pipe' }));
  });
}

type AnswerCommand = (channel: ssh2.ServerChannel, command: string) => void;

function listenWithSsh2(prepare: (directory: string) => Promise<AnswerCommand>): Listen {
  return async (directory, keys) => {
    const answer = await prepare(directory);
    const connections = new Set<ssh2.Connection>();
    const sockets = new Set<{ destroy(): void }>();
    const server = new ssh2.Server({ hostKeys: [keys.host.privateKey] }, (connection) => {
      connections.add(connection);
      const socket = (connection as unknown as { _sock: { destroy(): void } })._sock;
      sockets.add(socket);
      connection.on('error', () => undefined);
      connection.on('close', () => sockets.delete(socket));
      connection.on('authentication', (attempt) => {
        const known =
          attempt.method === 'publickey' && attempt.key.data.toString('base64') === readKeyBlob(keys.login.publicKey);
        if (known && attempt.username === userInfo().username) attempt.accept();
        else attempt.reject(['publickey']);
      });
      connection.on('session', (accept) => {
        accept().on('exec', (acceptExec, _reject, info) => {
          answer(acceptExec(), info.command);
        });
      });
    });
    return { server, drop: () => sockets.forEach((socket) => socket.destroy()) };
  };
}

function serve(channel: ssh2.ServerChannel, child: ChildProcess): void {
  channel.on('error', () => undefined);
  child.stdin?.on('error', () => undefined);
  if (child.stdin !== null) channel.pipe(child.stdin);
  child.stdout?.pipe(channel, { end: false });
  child.stderr?.pipe(channel.stderr, { end: false });
  // Does as sshd does: sends the exit status when the command has ended, and closes the channel when no process has its
  // output open any more.
  child.once('exit', (code, signal) => {
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal.replace(/^SIG/, ''));
  });
  child.once('close', () => channel.end());
}

const BUSYBOX_APPLETS = [
  'cat',
  'chmod',
  'cp',
  'cut',
  'dirname',
  'grep',
  'head',
  'id',
  'kill',
  'ln',
  'mkdir',
  'mktemp',
  'mv',
  'printf',
];
const MORE_APPLETS = ['ps', 'readlink', 'rm', 'seq', 'setsid', 'sh', 'sleep', 'sort', 'sync', 'tail', 'tr', 'wc'];

async function only(directory: string, links: Record<string, string>): Promise<string> {
  const bin = join(directory, 'bin');
  await mkdir(bin);
  for (const [name, target] of Object.entries(links)) await symlink(target, join(bin, name));
  return bin;
}

/**
 * Runs the system's own sshd, with one process for each connection, as inetd does. So the test needs no daemon and no
 * fixed port.
 */
const listenWithSshd: Listen = (directory, keys) => listenWithConfiguredSshd(directory, keys, []);

/** Runs the system's own sshd. The lines in `more` are added to its configuration. */
const listenWithConfiguredSshd = async (directory: string, keys: Keys, more: readonly string[]): ReturnType<Listen> => {
  const config = join(directory, 'sshd_config');
  const hostKey = join(directory, 'host_key');
  const authorized = join(directory, 'authorized_keys');
  await writeFile(hostKey, keys.host.privateKey, { mode: 0o600 });
  await writeFile(authorized, `${keys.login.publicKey}\n`, { mode: 0o600 });
  writeFileSync(
    config,
    [
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${authorized}`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'PidFile none',
      ...more,
      '',
    ].join('\n'),
  );
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const children = new Set<ChildProcess>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const child = spawn(SSHD, ['-i', '-f', config], { stdio: [socket, socket, 'ignore'], detached: true });
    children.add(child);
    child.once('exit', () => children.delete(child));
    socket.destroy();
  });
  const drop = (): void => {
    // The commands run in their own sessions, so they survive when we kill sshd.
    for (const { pid } of children) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  };
  return { server, drop };
};

const SSHD = '/usr/sbin/sshd';

function isThere(program: string): boolean {
  try {
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const PATH = process.env['PATH'] ?? '/usr/bin:/bin';
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find(isThere);

/** The kinds of guests for the tests. `skip`: the reason why this machine cannot run a kind, or false. */
export const GUEST_SERVERS: { name: string; open: () => Promise<GuestServer>; skip: string | false }[] = [
  { name: 'sh', open: () => startGuestServer(listenWithPrograms(() => Promise.resolve(PATH))), skip: false },
  {
    name: 'bash',
    open: () =>
      startGuestServer(
        listenWithPrograms(async (directory) => `${await only(directory, { sh: '/bin/bash' })}:${PATH}`),
      ),
    skip: isThere('/bin/bash') ? false : 'no bash',
  },
  {
    name: 'BusyBox alone',
    open: () => {
      const links = Object.fromEntries([...BUSYBOX_APPLETS, ...MORE_APPLETS].map((name) => [name, BUSYBOX ?? '']));
      return startGuestServer(listenWithPrograms((directory) => only(directory, links)));
    },
    skip: BUSYBOX === undefined ? 'no BusyBox' : false,
  },
  { name: 'OpenSSH', open: () => startGuestServer(listenWithSshd), skip: isThere(SSHD) ? false : 'no sshd' },
];

/** Configuration that limits the OpenSSH of this machine to the algorithms of an old one. */
const OLD = [
  'HostKeyAlgorithms ssh-rsa',
  // This sshd always offers SHA-2 signatures for RSA keys, and clients then use SHA-2. So it must accept SHA-2 too. A
  // really old sshd does not offer SHA-2.
  'PubkeyAcceptedKeyTypes ssh-rsa,rsa-sha2-256,rsa-sha2-512',
  'Ciphers aes128-cbc,3des-cbc',
  'MACs hmac-sha1',
];

/** An OpenSSH server that is limited to the algorithms of a version before 6.5. */
export const OLD_OPENSSH = {
  skip: isThere(SSHD) ? false : 'no sshd',
  async open(kex: string): Promise<GuestServer> {
    const [login, host] = await Promise.all([generateRsaKeyPair(), generateRsaKeyPair()]);
    const lines = [...OLD, `KexAlgorithms ${kex}`];
    return startGuestServer((directory, keys) => listenWithConfiguredSshd(directory, keys, lines), { login, host });
  },
};
