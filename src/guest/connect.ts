import ssh2, { type Algorithms, type ServerHostKeyAlgorithm } from 'ssh2';
import { FactoryError } from '../domain/errors.js';
import { formatFingerprint, formatBlobFingerprint, readKeyBlob } from './keys.js';
import { OLD_CIPHERS, OLD_KEX } from './old-ssh.js';
import { SshGuest } from './ssh-guest.js';
import type { Guest, GuestAddress } from './types.js';

export interface ConnectOptions {
  /** Timeout in seconds for connection, key exchange and login together. */
  timeout: number;
  /** If the signal is aborted during the login, the login fails. Later, an abort closes the connection. */
  signal?: AbortSignal;
}

/**
 * Milliseconds between keepalives, and the number of keepalives that may remain unanswered. So we notice a dead
 * connection within 40 seconds.
 */
const KEEPALIVE = { interval: 10_000, unanswered: 3 };

const HOST_KEY_ALGORITHMS: ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/**
 * Appends the algorithms of old OpenSSH releases to those that ssh2 offers by default. A server with better algorithms
 * still uses the better ones, because the client's order decides. We always check the host key.
 */
const OLD_ALGORITHMS = {
  kex: { append: OLD_KEX, prepend: [], remove: [] },
  cipher: { append: OLD_CIPHERS, prepend: [], remove: [] },
} satisfies Algorithms;

/**
 * Connects to the guest and logs in with the key.
 *
 * @throws FactoryError GuestUnreachable (retryable) when the guest does not answer. GuestLoginRefused when the guest
 *   rejects our key; retryable, because cloud-init may not have installed the key yet. HostKeyMismatch when the guest
 *   shows a host key that we do not expect: then we do not log in; retryable, because cloud-init may not have installed
 *   the expected host key yet. The signal's reason on abort.
 */
export async function connectGuest(address: GuestAddress, options: ConnectOptions): Promise<Guest> {
  const { signal } = options;
  signal?.throwIfAborted();
  const ourKey = ssh2.utils.parseKey(address.privateKey);
  // We do not pass on the parser's message, because the message might quote the key.
  if (ourKey instanceof Error) throw new FactoryError('Internal', 'the private key for the guest cannot be read');
  const client = new ssh2.Client();
  const abort = (): void => void client.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  client.once('close', () => signal?.removeEventListener('abort', abort));
  try {
    await login(client, address, options.timeout);
  } catch (error) {
    client.on('error', () => undefined);
    client.destroy();
    signal?.removeEventListener('abort', abort);
    signal?.throwIfAborted();
    if (error instanceof FactoryError) throw error;
    throw toConnectError(error, address, formatBlobFingerprint(ourKey.getPublicSSH()), options.timeout);
  }
  return new SshGuest(client, address, signal);
}

function login(client: ssh2.Client, address: GuestAddress, timeout: number): Promise<void> {
  const pinned = new Set(address.hostKeys.map(readKeyBlob));
  let stranger: Buffer | undefined;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(stranger === undefined ? error : hostKeyMismatchError(address, stranger));
    client.once('ready', () => {
      client.off('error', fail);
      resolve();
    });
    client.on('error', fail);
    client.once('close', () => fail(new Error('connection closed before the login')));
    client.connect({
      host: address.host,
      port: address.port ?? 22,
      username: address.username,
      privateKey: address.privateKey,
      readyTimeout: timeout * 1000,
      keepaliveInterval: KEEPALIVE.interval,
      keepaliveCountMax: KEEPALIVE.unanswered,
      algorithms: selectAlgorithms(address),
      hostVerifier: (key: Buffer) => {
        if (pinned.has(key.toString('base64'))) return true;
        stranger = key;
        return false;
      },
    });
  });
}

function selectAlgorithms({ hostKeys, oldSsh }: GuestAddress): Algorithms {
  if (oldSsh !== true) return { serverHostKey: sortPinnedFirst(hostKeys, HOST_KEY_ALGORITHMS) };
  return { ...OLD_ALGORITHMS, serverHostKey: sortPinnedFirst(hostKeys, [...HOST_KEY_ALGORITHMS, 'ssh-dss']) };
}

/**
 * Sorts host key algorithms: the types of the expected keys come first, because the client's order decides which of its
 * host keys the server shows.
 */
function sortPinnedFirst(hostKeys: string[], all: ServerHostKeyAlgorithm[]): ServerHostKeyAlgorithm[] {
  const types = new Set(hostKeys.map((key) => key.trim().split(/\s+/)[0]));
  const isPinned = (name: string): boolean => types.has(name) || (name.startsWith('rsa-sha2') && types.has('ssh-rsa'));
  return [...all.filter(isPinned), ...all.filter((name) => !isPinned(name))];
}

function formatAddress({ host, port = 22 }: GuestAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function hostKeyMismatchError(address: GuestAddress, shown: Buffer): FactoryError {
  const expected = address.hostKeys.map(formatFingerprint).join(' or ');
  return new FactoryError(
    'HostKeyMismatch',
    `${formatAddress(address)} has host key ${formatBlobFingerprint(shown)}, but the guest’s host key is ${expected}`,
    {
      retryable: true,
      hint: 'either another machine has this address, or cloud-init in the guest did not install the host key from its user data',
    },
  );
}

function toConnectError(error: unknown, address: GuestAddress, ourFingerprint: string, timeout: number): FactoryError {
  const { level, code, message } = error as Error & { level?: string; code?: string };
  if (level === 'client-authentication') {
    return new FactoryError(
      'GuestLoginRefused',
      `the guest at ${formatAddress(address)} refuses user ${address.username} with key ${ourFingerprint}`,
      {
        retryable: true,
        cause: error,
        hint: 'check that cloud-init installs the key for the user in default_user, and that sshd accepts public keys',
      },
    );
  }
  const reason = level === 'client-timeout' ? `no SSH login within ${timeout} s` : (REASONS[code ?? ''] ?? message);
  return new FactoryError('GuestUnreachable', `cannot reach the guest at ${formatAddress(address)}: ${reason}`, {
    retryable: true,
    cause: error,
  });
}

const REASONS: Partial<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (no SSH server listens there)',
  ETIMEDOUT: 'connection timed out',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
};
