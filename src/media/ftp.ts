import { Client, FTPError } from 'basic-ftp';
import { PassThrough } from 'node:stream';
import type { FactoryError } from '../domain/errors.js';
import { type AddressPolicy, DEFAULT_ADDRESSES } from './addresses.js';
import { toMediaError, ftpReplyError, mediaUnavailableError } from './failures.js';
import {
  DEFAULT_TIMEOUTS,
  selectValidator,
  type MediumStream,
  type OpenOptions,
  type ResumePosition,
  type Validators,
} from './source.js';
import { decodePercent } from './urls.js';

/** The parts of an ftp URL. */
interface FtpAddress {
  host: string;
  port: number;
  /** Relative to the login directory; absolute when it begins with a slash. */
  path: string;
  /** Unset when the login is anonymous. */
  user?: string;
  password?: string;
}

/**
 * Opens a file by FTP (RFC 959) in passive mode, with the user and the password of the URL, else as anonymous. The path
 * is relative to the login directory; a path that begins with `%2F` is absolute (RFC 1738, section 3.2.2). Resumes a
 * transfer by REST if the server supports REST (RFC 3659, section 5). Uses no proxy: http_proxy names a proxy for
 * HTTP, and there is no common variable for FTP proxies.
 *
 * @throws FactoryError MediaUnavailable; retryable for replies 4xx and connection errors. The signal's reason on abort.
 */
export async function openFtp(url: string, { resume, ...options }: OpenOptions): Promise<MediumStream> {
  return withFtpClient(url, options, async (client, { path }, close) => {
    const now = await readValidators(client, path);
    const offset = resume !== undefined && (await canResume(client, resume, now)) ? resume.offset : 0;
    return { ...now, offset, body: readBytes(client, url, path, offset), finalUrl: url, close };
  });
}

type FtpOptions = Pick<OpenOptions, 'signal' | 'timeouts' | 'access'>;

/** A file or a folder in a listing. */
export interface FtpEntry {
  name: string;
  isFolder: boolean;
}

/**
 * Lists the files and folders in a folder. Leaves out symbolic links, because they may lead anywhere.
 * @throws FactoryError MediaUnavailable as `openFtp`, and for a name with a control character, `/` or `\`
 */
export async function listFtp(url: string, options: FtpOptions): Promise<FtpEntry[]> {
  return withFtpClient(url, options, async (client, { path }, close) => {
    const all = await client.list(path);
    await close();
    return all
      .filter(({ name, isFile, isDirectory }) => (isFile || isDirectory) && name !== '.' && name !== '..')
      .map(({ name, isDirectory }) => {
        if (/[\0-\x1f\x7f/\\]/.test(name))
          throw mediaUnavailableError(url, `the folder contains a name that is not valid: ${JSON.stringify(name)}`);
        return { name, isFolder: isDirectory };
      });
  });
}

/**
 * Logs in and runs `work`. If `work` succeeds, the connection stays open: `work`, or the user of its result, must call
 * `close`. If `work` fails, this function closes the connection.
 */
async function withFtpClient<T>(
  url: string,
  { signal, timeouts, access }: FtpOptions,
  work: (client: Client, place: FtpAddress, close: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const place = parseFtpUrl(url);
  const { addresses = DEFAULT_ADDRESSES } = access ?? {};
  addresses.checkUrl(url);
  signal?.throwIfAborted();
  const { connect, idle } = { ...DEFAULT_TIMEOUTS, ...timeouts };
  const client = new Client(idle * 1000);
  const stop = (): void => client.close();
  signal?.addEventListener('abort', stop, { once: true });
  const close = async (): Promise<void> => {
    signal?.removeEventListener('abort', stop);
    client.close();
  };
  try {
    await login(client, place, addresses, connect);
    return await work(client, place, close);
  } catch (error) {
    await close();
    signal?.throwIfAborted();
    throw toFtpError(url, error);
  }
}

function parseFtpUrl(url: string): FtpAddress {
  const parsed = new URL(url);
  const [path = '', user = '', password = ''] = [parsed.pathname.slice(1), parsed.username, parsed.password].map(
    decodePercent,
  );
  // A line break would end the FTP command and begin another one.
  if (/[\0-\x1f\x7f]/.test(path + user + password)) throw mediaUnavailableError(url, 'the URL has a control character');
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: parsed.port === '' ? 21 : Number(parsed.port),
    path,
    ...(user === '' ? {} : { user, password }),
  };
}

async function login(
  client: Client,
  { host, port, user, password }: FtpAddress,
  addresses: AddressPolicy,
  connectSeconds: number,
): Promise<void> {
  const timeout = Object.assign(new Error('connection timed out'), { code: 'ETIMEDOUT' });
  const timer = setTimeout(() => client.ftp.closeWithError(timeout), connectSeconds * 1000);
  await openConnection(client, { host, port }, addresses).finally(() => clearTimeout(timer));
  await client.login(user, password);
  await client.useDefaultSettings();
}

/**
 * Connects as `Client.connect` does, but resolves names with our own function, which `Client.connect` cannot take. The
 * data connections need no check, because the client opens them only to the address of this control connection.
 */
async function openConnection(
  { ftp }: Client,
  place: { host: string; port: number },
  addresses: AddressPolicy,
): Promise<void> {
  ftp.reset();
  ftp.socket.connect({ ...place, lookup: addresses.lookup });
  await ftp.handle(undefined, (reply, task) => {
    if (reply instanceof Error) task.reject(reply);
    else if (reply.code >= 200 && reply.code < 300) task.resolve(reply);
    else task.reject(new FTPError(reply));
  });
}

/** Reads the size and the time of a file, if the server supports SIZE and MDTM (RFC 3659). */
async function readValidators(client: Client, path: string): Promise<Validators> {
  const size = await client.size(path).catch(ignoreUnknownCommand);
  const time = await client.lastMod(path).catch(ignoreUnknownCommand);
  const isTime = time !== undefined && !Number.isNaN(time.getTime());
  return { size, lastModified: isTime ? time.toUTCString() : undefined };
}

/**
 * Returns undefined for a reply 5xx: the server does not support the command. Throws all other errors, and also 550,
 * which means that the file does not exist.
 */
function ignoreUnknownCommand(error: unknown): undefined {
  if (error instanceof FTPError && error.code >= 500 && error.code !== 550) return undefined;
  throw error;
}

async function canResume(client: Client, { validator: mark, size }: ResumePosition, now: Validators): Promise<boolean> {
  if (selectValidator(now) !== mark || now.size !== size) return false;
  return (await client.features()).has('REST');
}

async function* readBytes(client: Client, url: string, path: string, offset: number): AsyncGenerator<Uint8Array> {
  const body = new PassThrough();
  const reply = client.downloadTo(body, path, offset);
  reply.catch((error: Error) => body.destroy(error));
  try {
    for await (const chunk of body) yield chunk as Buffer;
    // We wait for the reply, because the data may end before the server has confirmed that the transfer is complete.
    await reply;
  } catch (error) {
    throw error instanceof FTPError ? toFtpError(url, error) : error;
  }
}

function toFtpError(url: string, error: unknown): FactoryError {
  return error instanceof FTPError ? ftpReplyError(url, error.code, error.message) : toMediaError(url, error);
}
