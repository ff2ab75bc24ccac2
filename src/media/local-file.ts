import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FactoryError } from '../domain/errors.js';
import { isLocalFileUrl } from '../domain/file-url.js';
import { mediaUnavailableError } from './failures.js';
import type { MediumStream, OpenOptions } from './source.js';

const HINT =
  'start the worker with --files-from DIR, which allows templates to read files below DIR, or use an http(s) URL';

/** Bytes per read. */
const CHUNK = 256 * 1024;

/** Whether a URL names a file of the worker's machine. */
export function isLocalFile(url: string): boolean {
  return /^file:/i.test(url);
}

/**
 * Opens the file of a `file://` URL, if the file is in one of the folders that the worker's operator has opened to
 * templates. If the URL names a symbolic link, the link's target must be in one of these folders. The medium has no
 * entity tag; its time is exact to the millisecond.
 *
 * @throws FactoryError MediaUnavailable, which does not reveal whether a file outside of the folders exists
 */
export async function openLocalFile(url: string, { access, signal }: OpenOptions): Promise<MediumStream> {
  const { file, about } = await openAllowed(url, access?.directories ?? [], 'file');
  return {
    offset: 0,
    size: about.size,
    lastModified: about.mtime.toISOString(),
    body: file.createReadStream({ autoClose: false, signal, highWaterMark: CHUNK }) as AsyncIterable<Buffer>,
    finalUrl: url,
    close: () => file.close(),
  };
}

/**
 * Opens the file or folder of a `file://` URL, and then checks whether it is in one of the folders. Uses the path that
 * the kernel reports for the open file. A check before the opening is not enough, because the path may lead elsewhere a
 * moment later. The caller must use only the open file, and must close it.
 *
 * Only Linux has these paths (`/proc/self/fd`); on other systems every file is refused.
 *
 * @param kind the only kind that is accepted. For `folder`, the kernel itself refuses everything that is not a folder.
 * @throws as `openLocalFile`
 */
export async function openAllowed(
  url: string,
  directories: readonly string[],
  kind: 'file' | 'folder',
): Promise<{ file: FileHandle; about: Stats }> {
  const folders = await resolveFolders(directories);
  // We also check the path before we open it, because the opening alone can have an effect on a device outside the
  // folders.
  const real = await realpath(parseFileUrl(url)).catch(() => undefined);
  if (real === undefined || !isInside(real, folders)) throw notOpenError(url);
  const file = await openNoLink(real, kind).catch((error: NodeJS.ErrnoException) => {
    throw mediaUnavailableError(url, error.code === 'ENOTDIR' ? 'it is not a folder' : (error.code ?? error.message));
  });
  try {
    if (!isInside(await readOpenPath(url, file), folders)) throw notOpenError(url);
    const about = await file.stat();
    // Reading a pipe or a device might never end.
    if (kind === 'file' && !about.isFile()) throw mediaUnavailableError(url, 'it is not a regular file');
    return { file, about };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Opens a path for reading, if its last part is no symbolic link. */
export function openNoLink(path: string, kind: 'file' | 'folder'): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  return open(path, O_RDONLY | O_NOFOLLOW | (kind === 'folder' ? O_DIRECTORY : O_NONBLOCK));
}

/** Returns the path by which this process can use an open file or folder, even after somebody has moved it. */
export function openFilePath({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}

async function readOpenPath(url: string, file: FileHandle): Promise<string> {
  return readlink(openFilePath(file)).catch((cause: unknown) => {
    throw mediaUnavailableError(url, 'the worker cannot check which file it has opened', {
      hint: 'run the worker on Linux with /proc mounted, or use an http(s) URL',
      cause,
    });
  });
}

async function resolveFolders(directories: readonly string[]): Promise<string[]> {
  const real = await Promise.all(directories.map((directory) => realpath(directory).catch(() => undefined)));
  return real.filter((folder) => folder !== undefined);
}

function isInside(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`));
}

function notOpenError(url: string): FactoryError {
  return new FactoryError('MediaUnavailable', `${url} is in none of the folders that templates may read`, {
    hint: HINT,
  });
}

/**
 * Reads the absolute path of a `file://` URL. @throws FactoryError MediaUnavailable if the URL has no absolute path, or
 * names another machine
 */
function parseFileUrl(url: string): string {
  try {
    if (isLocalFileUrl(url)) return fileURLToPath(url);
  } catch {
    // The error is thrown below.
  }
  const message = `${url} is not an absolute path on the worker’s machine`;
  throw new FactoryError('MediaUnavailable', message, { hint: 'write file:///DIR/FILE' });
}
