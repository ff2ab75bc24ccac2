import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mediaUnavailableError } from './failures.js';
import { fetchToFile } from './fetch.js';
import { listFtp } from './ftp.js';
import type { OpenOptions } from './source.js';

/** Maximum number of files and folders in the whole tree. */
const MAX_FILES = 10_000;
/** Maximum number of levels of folders in the tree. */
const MAX_DEPTH = 32;

export interface FetchFolderOptions extends Pick<OpenOptions, 'signal' | 'timeouts' | 'access'> {
  /** URL of the folder. */
  url: string;
  /** The folder to create; it must not exist yet. */
  path: string;
  /** Maximum number of bytes in all files together. */
  maxBytes: number;
}

/**
 * Fetches a folder by FTP with all files and folders in it.
 * @throws FactoryError MediaUnavailable as `fetchToFile`; also when the folder exceeds one of the limits
 */
export async function fetchFtpFolder(folder: FetchFolderOptions): Promise<void> {
  const left = { files: MAX_FILES, bytes: folder.maxBytes };
  await fetchInto(folder, folder.url.replace(/\/*$/, ''), folder.path, left, MAX_DEPTH);
}

async function fetchInto(
  folder: FetchFolderOptions,
  url: string,
  path: string,
  left: { files: number; bytes: number },
  levels: number,
): Promise<void> {
  const { signal, timeouts, access } = folder;
  if (levels === 0) throw mediaUnavailableError(folder.url, `the folder has more than ${MAX_DEPTH} levels of folders`);
  await mkdir(path, { mode: 0o700 });
  for (const { name, isFolder } of await listFtp(url, { signal, timeouts, access })) {
    if (--left.files < 0)
      throw mediaUnavailableError(folder.url, `the folder has more than ${MAX_FILES} files and folders`);
    const [from, to] = [`${url}/${encodeURIComponent(name)}`, join(path, name)];
    if (isFolder) await fetchInto(folder, from, to, left, levels - 1);
    else
      left.bytes -= (await fetchToFile({ url: from, path: to, maxBytes: left.bytes, signal, timeouts, access })).size;
  }
}
