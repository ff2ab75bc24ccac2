import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { OpenedSession } from '../../domain/messages.js';
import { OLD_CIPHERS, OLD_KEX } from '../../guest/old-ssh.js';
import { ClientError } from '../../client/errors.js';
import { closeSession, openSession } from '../../client/ssh-session.js';
import { UUID_POSITIONAL, parseUuidArgument, withClient, type Command, type CommandContext } from './command.js';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const ssh: Command = {
  usage: 'ssh <uuid> [command..]',
  summary: 'a shell on the instance of a held build, with a key for that session only',
  positionals: {
    ...UUID_POSITIONAL,
    command: { type: 'string', array: true, describe: 'what to run there instead of a shell' },
  },
  options: {
    from: {
      type: 'string',
      requiresArg: true,
      describe: 'address (CIDR) that this machine has for the cloud, where the worker is on another machine',
    },
  },
  examples: [
    [`$0 ssh ${EXAMPLE}`, ''],
    [`$0 ssh ${EXAMPLE} -- journalctl -b`, ''],
  ],
  run: runSsh,
};

async function runSsh(context: CommandContext): Promise<number> {
  const { options } = context;
  const uuid = parseUuidArgument(context);
  const from = options['from'] === undefined ? {} : { from: String(options['from']) };
  // What stands behind `--` is not matched to the positional.
  const behind = ((options['_'] ?? []) as unknown[]).slice(1);
  const command = [...((options['command'] ?? []) as unknown[]), ...behind].map(String);
  return withClient(context, async (factory) => {
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-ssh-'));
    try {
      const request = { publicKey: await newKey(folder), ...from };
      const session = await openSession(factory, uuid, request);
      try {
        return await connected(folder, session, command);
      } finally {
        await closeSession(factory, uuid, request);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** RSA, which every sshd reads: ed25519 is not known to those of before 2014, and what the guest has is not known here yet. */
async function newKey(folder: string): Promise<string> {
  const file = join(folder, 'key');
  try {
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'rsa', '-b', '3072', '-N', '', '-C', 'session', '-f', file]);
  } catch (error) {
    throw new ClientError('ssh-keygen could not make a key for the session', {
      hint: 'install the OpenSSH client',
      cause: error,
    });
  }
  return (await readFile(`${file}.pub`, 'utf8')).trim();
}

/** What the client refuses by itself and an OpenSSH of before 6.5 may have alone. Not ssh-dss: OpenSSH 10 does not know the word. */
const OLD_SSH = {
  KexAlgorithms: `+${OLD_KEX.join(',')}`,
  Ciphers: `+${OLD_CIPHERS.join(',')}`,
  HostKeyAlgorithms: '+ssh-rsa',
  // Since OpenSSH 8.5 PubkeyAcceptedAlgorithms, with this name still taken.
  PubkeyAcceptedKeyTypes: '+ssh-rsa',
};

/** @returns the exit code of the remote command, as `ssh` has it */
async function connected(folder: string, session: OpenedSession, command: string[]): Promise<number> {
  const { host, user, hostKeys, oldSsh } = session;
  const known = join(folder, 'known_hosts');
  await writeFile(known, hostKeys.map((key) => `${host} ${key}\n`).join(''));
  const options = {
    IdentityFile: join(folder, 'key'),
    IdentitiesOnly: 'yes',
    UserKnownHostsFile: known,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    PasswordAuthentication: 'no',
    ConnectTimeout: '30',
    ...(oldSsh === true ? OLD_SSH : {}),
  };
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  // Nobody's own configuration: the guest is gone tomorrow.
  const child = spawn('ssh', ['-F', '/dev/null', ...given, `${user}@${host}`, ...command], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
