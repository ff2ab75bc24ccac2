import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import ssh2, { type AuthContext, type ServerChannel, type ServerConfig, type Session } from 'ssh2';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { hostKey } from './cloud-init.js';
import { WINDOWS_USER, windowsCommand } from './powershell.js';
import type { RootFiles } from './root-files.js';
import type { GuestUser, Sandbox } from './sandbox.js';
import type { Sessions } from './sessions.js';

/** A line of authorized_keys that let somebody in. */
interface Admission {
  user: GuestUser;
  /** `command="…"` of the line: it is run instead of whatever is asked for. */
  forced?: string;
}

const SSHD = { ident: 'OpenSSH_9.2p1 Debian-2' };

/** Older than any real one in all respects at once: OpenSSH 4.3 of RHEL 5, without the counter modes that it has. */
const OLD_SSHD: Pick<ServerConfig, 'ident' | 'algorithms'> = {
  ident: 'OpenSSH_4.3',
  algorithms: {
    kex: ['diffie-hellman-group14-sha1'],
    cipher: ['aes128-cbc'],
    hmac: ['hmac-sha1'],
    serverHostKey: ['ssh-rsa'],
  },
};

/** Serves one connection as the guest's sshd: host key, users and their keys are read from the guest's disk now. */
export async function serveConnection(
  socket: Socket,
  files: RootFiles,
  { oldSsh }: GuestBehaviour,
  sandbox: Sandbox,
  sessions: Sessions,
): Promise<void> {
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  const key = await hostKey(files, { oldSsh });
  // A sshd without host keys cuts every connection.
  if (key === undefined || socket.destroyed) return void socket.destroy();
  const server = new ssh2.Server({ hostKeys: [key], ...(oldSsh ? OLD_SSHD : SSHD) }, (connection) => {
    let admission: Admission | undefined;
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => {
      void (oldSsh && !isOldKey(context) ? Promise.resolve(undefined) : admit(files, context)).then((admitted) => {
        admission = admitted;
        if (admitted === undefined) context.reject(['publickey']);
        else context.accept();
      });
    });
    connection.on('session', (accept) => {
      if (admission !== undefined) serveSession(accept(), admission, sandbox, sessions);
    });
  });
  server.on('error', () => undefined);
  (server as unknown as { injectSocket(socket: Socket): void }).injectSocket(socket);
}

/** Whether a login is by RSA. SHA-2 is let pass as well: ssh2's server offers it, whatever it is configured for. */
function isOldKey(context: AuthContext): boolean {
  return context.method === 'publickey' && context.key.algo === 'ssh-rsa';
}

async function admit(files: RootFiles, context: AuthContext): Promise<Admission | undefined> {
  if (context.method !== 'publickey') return undefined;
  const user = (await files.users()).find(({ name }) => name === context.username);
  if (user === undefined || user.shell.endsWith('nologin')) return undefined;
  const lines = ((await files.read(`${user.home.slice(1)}/.ssh/authorized_keys`)) ?? '').split('\n');
  for (const line of lines) {
    const [, options = '', text] = /^(.*?)\s*((?:ssh-|ecdsa-)\S+ AAAA\S+.*)$/.exec(line.trim()) ?? [];
    if (text === undefined) continue;
    const known = ssh2.utils.parseKey(text);
    if (known instanceof Error || !known.getPublicSSH().equals(context.key.data)) continue;
    // Without a signature the client only asks whether the key would do.
    if (
      context.signature !== undefined &&
      context.blob !== undefined &&
      known.verify(context.blob, context.signature, context.hashAlgo) !== true
    )
      continue;
    const forced = /command="((?:[^"\\]|\\.)*)"/.exec(options)?.[1]?.replaceAll('\\"', '"');
    return { user, ...(forced === undefined ? {} : { forced }) };
  }
  return undefined;
}

function serveSession(session: Session, { user, forced }: Admission, sandbox: Sandbox, sessions: Sessions): void {
  const environment: Record<string, string> = {};
  session.on('env', (accept, _reject, { key, val }) => {
    if (/^(LC_\w+|LANG|TERM)$/.test(key)) environment[key] = val;
    accept?.();
  });
  session.on('pty', (accept) => accept?.());
  session.on('exec', (accept, _reject, { command }) => {
    void serveCommand(accept(), forced ?? command, user, environment, sandbox, sessions);
  });
  session.on('shell', (accept) => {
    void serveCommand(accept(), forced ?? 'exec "$SHELL"', user, environment, sandbox, sessions);
  });
}

async function serveCommand(
  channel: ServerChannel,
  command: string,
  user: GuestUser,
  environment: Record<string, string>,
  sandbox: Sandbox,
  sessions: Sessions,
): Promise<void> {
  let child: ChildProcessWithoutNullStreams;
  let windows: Awaited<ReturnType<typeof windowsCommand>> | undefined;
  channel.on('error', () => undefined);
  await sessions.onBegin?.();
  try {
    if (user.name === WINDOWS_USER) windows = await windowsCommand(channel, command);
    child = await sandbox.run(windows?.command ?? command, user, environment);
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
  // The command goes on when its caller has gone; it only loses its ends of the pipes.
  channel.once('close', () => {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  });
  child.once('exit', (code, signal) => {
    if (code === null) channel.exit(String(signal).replace('SIG', ''));
    else channel.exit(code);
  });
  child.once('close', () => {
    channel.end();
    channel.close();
    sessions.onEnd?.();
  });
}
