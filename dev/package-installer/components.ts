import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const unpack = promisify(gunzip);

/** Index of Debian's installer components in an archive. */
const INDEX = 'dists/bookworm/main/debian-installer/binary-amd64/Packages.gz';
/** The component that divides the disk. Every installation needs it, and it is no part of the ramdisk. */
const COMPONENT = 'partman-base';
/** Milliseconds that a request may take. */
const TIMEOUT = 30_000;

/**
 * Finds out whether an archive serves the components of Debian's installer. A mirror may have the index and lack the
 * files.
 *
 * @param archive base URL of the archive, such as `http://deb.debian.org/debian`
 * @returns what is missing, in a few words; undefined when the archive serves the components
 */
export async function findMissingComponents(archive: string): Promise<string | undefined> {
  try {
    const index = await request(`${archive}/${INDEX}`);
    if (!index.ok) return `${INDEX}: HTTP status ${index.status}`;
    const text = (await unpack(Buffer.from(await index.arrayBuffer()))).toString('utf8');
    const entry = text.split('\n\n').find((one) => one.startsWith(`Package: ${COMPONENT}\n`));
    const path = /^Filename: (\S+)$/m.exec(entry ?? '')?.[1];
    if (path === undefined) return `${INDEX} has no ${COMPONENT}`;
    const file = await request(`${archive}/${path}`, 'HEAD');
    return file.ok ? undefined : `${path}: HTTP status ${file.status}`;
  } catch (error) {
    const { message, cause } = error as Error;
    return cause instanceof Error ? `${message}: ${cause.message}` : message;
  }
}

function request(url: string, method = 'GET'): Promise<Response> {
  return fetch(url, { method, signal: AbortSignal.timeout(TIMEOUT) });
}
