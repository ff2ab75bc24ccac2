import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unavailable } from './failures.js';
import { fetchToFile } from './fetch.js';
import { listFtp } from './ftp.js';
import type { OpenOptions } from './source.js';

/** Files and folders that a folder may have in all. */
const MOST = 10_000;
/** Folders within each other. */
const DEEPEST = 32;

export interface FetchFolder extends Pick<OpenOptions, 'signal' | 'timeouts'> {
  /** The folder's address. */
  url: string;
  /** Where it goes: a folder that is not there yet. */
  path: string;
  /** Bytes of all of its files. */
  maxBytes: number;
}

/**
 * Fetches a folder by FTP with everything in it.
 * @throws FactoryError MediaUnavailable as `fetchToFile`; also when it has more than is taken
 */
export async function fetchFtpFolder(folder: FetchFolder): Promise<void> {
  const left = { files: MOST, bytes: folder.maxBytes };
  await fetchInto(folder, folder.url.replace(/\/*$/, ''), folder.path, left, DEEPEST);
}

async function fetchInto(
  folder: FetchFolder,
  url: string,
  path: string,
  left: { files: number; bytes: number },
  levels: number,
): Promise<void> {
  const { signal, timeouts } = folder;
  if (levels === 0) throw unavailable(folder.url, `it has more than ${DEEPEST} folders within each other`);
  await mkdir(path, { mode: 0o700 });
  for (const { name, isFolder } of await listFtp(url, { signal, timeouts })) {
    if (--left.files < 0) throw unavailable(folder.url, `it has more than ${MOST} files`);
    const [from, to] = [`${url}/${encodeURIComponent(name)}`, join(path, name)];
    if (isFolder) await fetchInto(folder, from, to, left, levels - 1);
    else left.bytes -= (await fetchToFile({ url: from, path: to, maxBytes: left.bytes, signal, timeouts })).size;
  }
}
