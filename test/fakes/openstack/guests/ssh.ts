import type { Socket } from 'node:net';
import ssh2, { type AuthContext, type ServerChannel, type ServerConfig, type Session } from 'ssh2';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { readHostKey } from './cloud-init.js';
import { WINDOWS_USER, translateCommand } from './powershell.js';
import type { RootFiles } from './root-files.js';
import type { GuestUser, GuestContainer } from './guest-container.js';
import type { Sessions } from './sessions.js';
import type { SpawnedProgram } from './spawner.js';

/** A successful login. */
interface Login {
  user: GuestUser;
  /**
   * The value of the option `command` in the key's line in authorized_keys. sshd runs it instead of the requested
   * command.
   */
  forcedCommand?: string;
}

const SSHD = { ident: 'OpenSSH_9.2p1 Debian-2' };

/** The algorithms of the old sshd, OpenSSH 4.3 of RHEL 5. A real one also has counter-mode ciphers. */
const OLD_SSHD: Pick<ServerConfig, 'ident' | 'algorithms'> = {
  ident: 'OpenSSH_4.3',
  algorithms: {
    kex: ['diffie-hellman-group14-sha1'],
    cipher: ['aes128-cbc'],
    hmac: ['hmac-sha1'],
    serverHostKey: ['ssh-rsa'],
  },
};

/** Serves one connection as the guest's sshd, with the host key, users and keys that are on the guest's disk now. */
export async function serveConnection(
  socket: Socket,
  files: RootFiles,
  { oldSsh }: GuestBehaviour,
  container: GuestContainer,
  sessions: Sessions,
): Promise<void> {
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  const key = await readHostKey(files, { oldSsh });
  // An sshd without host keys cuts every connection.
  if (key === undefined || socket.destroyed) return void socket.destroy();
  const server = new ssh2.Server({ hostKeys: [key], ...(oldSsh ? OLD_SSHD : SSHD) }, (connection) => {
    let login: Login | undefined;
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => {
      void (oldSsh && !isOldKey(context) ? Promise.resolve(undefined) : authenticate(files, context)).then(
        (authenticated) => {
          login = authenticated;
          if (authenticated === undefined) context.reject(['publickey']);
          else context.accept();
        },
      );
    });
    connection.on('session', (accept) => {
      if (login !== undefined) serveSession(accept(), login, container, sessions);
    });
  });
  server.on('error', () => undefined);
  (server as unknown as { injectSocket(socket: Socket): void }).injectSocket(socket);
}

/**
 * Checks whether a login uses an RSA key. It does not check for SHA-1 signatures, because the server of ssh2 always
 * offers SHA-2, so that clients use SHA-2.
 */
function isOldKey(context: AuthContext): boolean {
  return context.method === 'publickey' && context.key.algo === 'ssh-rsa';
}

async function authenticate(files: RootFiles, context: AuthContext): Promise<Login | undefined> {
  if (context.method !== 'publickey') return undefined;
  const user = (await files.users()).find(({ name }) => name === context.username);
  if (user === undefined || user.shell.endsWith('nologin')) return undefined;
  const lines = ((await files.read(`${user.home.slice(1)}/.ssh/authorized_keys`)) ?? '').split('\n');
  for (const line of lines) {
    const [, options = '', text] = /^(.*?)\s*((?:ssh-|ecdsa-)\S+ AAAA\S+.*)$/.exec(line.trim()) ?? [];
    if (text === undefined) continue;
    const known = ssh2.utils.parseKey(text);
    if (known instanceof Error || !known.getPublicSSH().equals(context.key.data)) continue;
    // A request without a signature only asks whether the server would accept the key.
    if (
      context.signature !== undefined &&
      context.blob !== undefined &&
      known.verify(context.blob, context.signature, context.hashAlgo) !== true
    )
      continue;
    const forcedCommand = /command="((?:[^"\\]|\\.)*)"/.exec(options)?.[1]?.replaceAll('\\"', '"');
    return { user, ...(forcedCommand === undefined ? {} : { forcedCommand }) };
  }
  return undefined;
}

function serveSession(
  session: Session,
  { user, forcedCommand }: Login,
  container: GuestContainer,
  sessions: Sessions,
): void {
  const environment: Record<string, string> = {};
  session.on('env', (accept, _reject, { key, val }) => {
    if (/^(LC_\w+|LANG|TERM)$/.test(key)) environment[key] = val;
    accept?.();
  });
  session.on('pty', (accept) => accept?.());
  session.on('exec', (accept, _reject, { command }) => {
    void runCommand(accept(), forcedCommand ?? command, user, environment, container, sessions);
  });
  session.on('shell', (accept) => {
    void runCommand(accept(), forcedCommand ?? 'exec "$SHELL"', user, environment, container, sessions);
  });
}

async function runCommand(
  channel: ServerChannel,
  command: string,
  user: GuestUser,
  environment: Record<string, string>,
  container: GuestContainer,
  sessions: Sessions,
): Promise<void> {
  let child: SpawnedProgram;
  let windows: Awaited<ReturnType<typeof translateCommand>> | undefined;
  channel.on('error', () => undefined);
  await sessions.onBegin?.();
  try {
    if (user.name === WINDOWS_USER) windows = await translateCommand(channel, command);
    child = await container.run(windows?.command ?? command, user, environment);
  } catch (error) {
    channel.stderr.write(`fake guest: ${error instanceof Error ? error.message : String(error)}\n`);
    channel.exit(255);
    return void channel.close();
  }
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
  if (windows === undefined) channel.pipe(child.stdin);
  else child.stdin.end(windows.input);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  // When the client disconnects, only the pipes of the command are closed: the command itself goes on.
  channel.once('close', () => {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  });
  void child.exited.then(({ code, signal }) => {
    if (code === null) channel.exit(String(signal).replace('SIG', ''));
    else channel.exit(code);
  });
  void child.closed.then(() => {
    channel.end();
    channel.close();
    sessions.onEnd?.();
  });
}
