import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeSshSession, openSshSession, type OpenedSession } from '../../client/index.js';
import { OLD_CIPHERS, OLD_KEX } from '../../guest/old-ssh.js';
import { CommandError } from '../errors.js';
import { UUID_POSITIONAL, withBuild, type Command, type CommandContext } from './command.js';

/** The names of the session's files in the session's folder. */
const KEY_FILE = 'key';
const KNOWN_HOSTS_FILE = 'known_hosts';

const EXAMPLE = 'bdd32b97-0e94-473a-b376-74d2da289a2c';

export const ssh: Command = {
  usage: 'ssh <uuid> [command..]',
  summary: 'open a shell on the instance of a held build, with a key for that session only',
  positionals: {
    ...UUID_POSITIONAL,
    command: { type: 'string', array: true, describe: 'command to run on the instance instead of a shell' },
  },
  options: {
    from: {
      type: 'string',
      requiresArg: true,
      describe: 'address (CIDR) of this machine as the cloud sees it, if the worker is on another machine',
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
  const from = options['from'] === undefined ? {} : { from: String(options['from']) };
  // yargs does not match the words after `--` to the positional `command`, so they are added here.
  const rest = ((options['_'] ?? []) as unknown[]).slice(1);
  const command = [...((options['command'] ?? []) as unknown[]), ...rest].map(String);
  return withBuild(context, async (client, uuid) => {
    const folder = await mkdtemp(join(tmpdir(), 'imagefactory-ssh-'));
    try {
      const request = { publicKey: await createKey(folder), ...from };
      const session = await openSshSession(client, uuid, request);
      try {
        return await runSshClient(folder, session, command);
      } finally {
        await closeSshSession(client, uuid, request);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/**
 * Creates the key of a session and returns its public part. It is an RSA key, because every sshd supports RSA. An sshd
 * from before 2014 does not support ed25519, and the version of the guest's sshd is not known yet.
 */
async function createKey(folder: string): Promise<string> {
  const file = join(folder, KEY_FILE);
  try {
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'rsa', '-b', '3072', '-N', '', '-C', 'session', '-f', file]);
  } catch (error) {
    throw new CommandError('ssh-keygen could not make a key for the session', {
      hint: 'install the OpenSSH client',
      cause: error,
    });
  }
  return (await readFile(`${file}.pub`, 'utf8')).trim();
}

/**
 * Options that allow old algorithms: today's SSH client refuses these by default, but an OpenSSH server before 6.5 may
 * support no others. `ssh-dss` is left out, because OpenSSH 10 rejects that name.
 */
const OLD_SSH = {
  KexAlgorithms: `+${OLD_KEX.join(',')}`,
  Ciphers: `+${OLD_CIPHERS.join(',')}`,
  HostKeyAlgorithms: '+ssh-rsa',
  // OpenSSH 8.5 renamed this option to PubkeyAcceptedAlgorithms, and still accepts the old name.
  PubkeyAcceptedKeyTypes: '+ssh-rsa',
};

/** Runs `ssh` to the instance. Returns the exit code of `ssh`, which passes on the exit code of the remote command. */
async function runSshClient(folder: string, session: OpenedSession, command: string[]): Promise<number> {
  const { host, hostKeys } = session;
  await writeFile(join(folder, KNOWN_HOSTS_FILE), hostKeys.map((key) => `${host} ${key}\n`).join(''));
  const child = spawn('ssh', buildSshArguments(folder, session, command), { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/**
 * Builds the arguments of `ssh`. The names of the user and the host come from the build, whose template and parameters
 * another person may have written. So they must not act as options of `ssh`: we put the user after `-l` and the host
 * after `--`. The command comes from the caller, so it needs no such protection.
 */
export function buildSshArguments(
  folder: string,
  { host, user, oldSsh }: Omit<OpenedSession, 'hostKeys'>,
  command: string[],
): string[] {
  const options = {
    IdentityFile: join(folder, KEY_FILE),
    IdentitiesOnly: 'yes',
    UserKnownHostsFile: join(folder, KNOWN_HOSTS_FILE),
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    PasswordAuthentication: 'no',
    ConnectTimeout: '30',
    ...(oldSsh === true ? OLD_SSH : {}),
  };
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  // `-F /dev/null`: `ssh` does not read the user's own configuration, which has no entry for an instance that exists
  // only for hours.
  return ['-F', '/dev/null', ...args, '-l', user, '--', host, ...command];
}
