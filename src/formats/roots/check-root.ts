import { createHash } from 'node:crypto';
import { hashChunks } from '../archive/oci.js';
import { readTar, type TarEntry, TarError } from '../archive/read-tar.js';
import { ByteReader } from '../bytes/content.js';

/** What the guest says about the tar that it has sent. */
export interface RootClaims {
  /** SHA-256 of the tar, in hexadecimal. */
  sha256: string;
  /** Number of entries in the tar. */
  entries: number;
  /** The program that wrote it, with its version: `tar (GNU tar) 1.34`. */
  program: string;
  /** Files that changed while they were read. */
  changed: readonly string[];
}

/** A container image removes what an entry of such a name names. */
const WHITEOUT = '.wh.';
/** Every root file system has it. */
const EXPECTED = './etc/passwd';

/**
 * Checks the tar of a root file system: whether it is what the guest has sent, and whether it has nothing that could
 * lead the program that unpacks it out of its folder.
 *
 * @returns what is wrong, in words; undefined when nothing is
 */
export async function findRootError(
  tar: AsyncIterable<Buffer>,
  claims: Pick<RootClaims, 'sha256' | 'entries'>,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  const links = new Set<string>();
  let entries = 0;
  let isRoot = false;
  try {
    for await (const entry of readTar(new ByteReader(hashChunks(tar, hash)))) {
      const wrong = findEntryError(entry, links);
      if (wrong !== undefined) return wrong;
      if (entry.type === 'symbolic link') links.add(entry.name);
      isRoot ||= entry.name === EXPECTED;
      entries++;
    }
  } catch (error) {
    if (error instanceof TarError) return `the tar is wrong: ${error.message}`;
    throw error;
  }
  if (hash.digest('hex') !== claims.sha256) return 'the digest of the tar is not the one that the guest has computed';
  if (entries !== claims.entries) return `the tar has ${entries} entries, and the guest has sent ${claims.entries}`;
  return isRoot ? undefined : `the tar has no ${EXPECTED}`;
}

/** @param links the symbolic links before this entry */
function findEntryError({ name, type, link }: TarEntry, links: ReadonlySet<string>): string | undefined {
  const shown = JSON.stringify(name);
  if (!isInside(name)) return `the tar has the name ${shown}, which is not below its root`;
  if (type === 'hard link' && !isInside(link)) return `the hard link ${shown} leaves the root`;
  if (type === 'block device' || type === 'character device') return `the tar has a ${type}, ${shown}`;
  const parts = name.replace(/\/$/, '').split('/');
  if (parts.at(-1)?.startsWith(WHITEOUT) === true) return `the name ${shown} would remove a file of a container image`;
  for (let length = 2; length < parts.length; length++) {
    const folder = parts.slice(0, length).join('/');
    if (links.has(folder)) return `${shown} is behind the symbolic link ${JSON.stringify(folder)}`;
  }
  return undefined;
}

/** Whether a name begins at the root of the tar, and stays below it. */
function isInside(name: string): boolean {
  const [first, ...parts] = name.replace(/\/$/, '').split('/');
  return first === '.' && parts.every((part) => part !== '' && part !== '.' && part !== '..');
}
