import { constants } from 'node:fs';
import { chmod, copyFile, type FileHandle, lstat, mkdir, readdir, readlink, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { FactoryError } from '../domain/errors.js';
import { mediaUnavailableError } from './failures.js';
import type { FetchFolderOptions } from './ftp-folder.js';
import { openAllowed, openFilePath, openNoLink } from './local-file.js';

/**
 * Maximum number of levels of nested folders. There is a limit, because the copy keeps one folder of each level open.
 */
const MAX_DEPTH = 100;

/**
 * Copies the folder that a `file://` URL names, with all files and folders in it. Copies symbolic links as links.
 * Programs such as xorriso get only this copy. In the original, somebody could replace a folder by a link, and so lead
 * the program out of the folder.
 *
 * @throws FactoryError MediaUnavailable as `openLocalFile`; also when the folder is too large or too deep, or contains
 *   a pipe or a device. StoreFailed (retryable) when the copy fails for another reason. The signal's reason on abort.
 */
export async function copyLocalFolder(request: FetchFolderOptions): Promise<void> {
  const { url, path, maxBytes, access, signal } = request;
  const { file: folder } = await openAllowed(url, access?.directories ?? [], 'folder');
  try {
    await copyInto(request, folder, path, { bytes: maxBytes }, MAX_DEPTH);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof FactoryError) throw error;
    const message = `cannot copy ${url} to ${path}: ${(error as Error).message}`;
    throw new FactoryError('StoreFailed', message, { retryable: true, cause: error });
  } finally {
    await folder.close();
  }
}

async function copyInto(
  request: FetchFolderOptions,
  folder: FileHandle,
  to: string,
  left: { bytes: number },
  levels: number,
): Promise<void> {
  const { url, maxBytes, signal } = request;
  if (levels === 0) throw mediaUnavailableError(url, `the folder has more than ${MAX_DEPTH} levels of folders`);
  await mkdir(to, { mode: 0o700 });
  // This path leads into the open folder, even if something else has the name of the folder now.
  const from = openFilePath(folder);
  for (const name of await readdir(from)) {
    signal?.throwIfAborted();
    const [source, target] = [join(from, name), join(to, name)];
    const about = await lstat(source);
    if (about.isSymbolicLink()) {
      await symlink(await readlink(source), target);
      continue;
    }
    if (!about.isDirectory() && !about.isFile()) throw noFileError(url, name);
    const child = await openNoLink(source, about.isDirectory() ? 'folder' : 'file').catch((cause: unknown) => {
      throw mediaUnavailableError(url, `${JSON.stringify(name)} in the folder: ${(cause as Error).message}`, { cause });
    });
    try {
      const opened = await child.stat();
      if (opened.isDirectory()) await copyInto(request, child, target, left, levels - 1);
      else if (opened.isFile()) {
        left.bytes -= opened.size;
        if (left.bytes < 0) throw mediaUnavailableError(url, `the folder is larger than ${maxBytes} bytes`);
        await copyFile(openFilePath(child), target, constants.COPYFILE_FICLONE);
      } else throw noFileError(url, name);
      // The worker must be able to remove its copy.
      await chmod(target, (opened.mode & 0o777) | (opened.isDirectory() ? 0o700 : 0o600));
      await utimes(target, opened.atime, opened.mtime);
    } finally {
      await child.close();
    }
  }
}

function noFileError(url: string, name: string): FactoryError {
  return mediaUnavailableError(url, `${JSON.stringify(name)} in the folder is no file, no folder and no link`);
}
