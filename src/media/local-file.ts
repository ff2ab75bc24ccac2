import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FactoryError } from '../domain/errors.js';
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
 * Reads the file of a `file://` URL, if the file is in one of the folders that the worker's operator has opened to
 * templates. If the URL names a symbolic link, the link's target must be in one of these folders.
 *
 * @param directories absolute paths of these folders
 * @throws FactoryError MediaUnavailable, which does not reveal whether a file outside of the folders exists
 */
export async function readLocalFile(
  url: string,
  { directories, maxBytes }: { directories: readonly string[]; maxBytes: number },
): Promise<Buffer> {
  const { file, about } = await openAllowed(url, directories);
  try {
    if (about.size > maxBytes) throw mediaUnavailableError(url, `the file is larger than ${maxBytes} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Opens the file of a `file://` URL as a medium, with the same checks as `readLocalFile`. The medium has no entity tag;
 * its time is exact to the millisecond.
 * @throws as `readLocalFile`
 */
export async function openLocalFile(url: string, { access, signal }: OpenOptions): Promise<MediumStream> {
  const { file, about } = await openAllowed(url, access?.directories ?? []);
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
 * Returns the path of the folder that a `file://` URL names. The caller must not follow symbolic links in the folder,
 * because they may lead out of it.
 * @throws as `readLocalFile`
 */
export async function resolveLocalFolder(url: string, directories: readonly string[]): Promise<string> {
  const real = await resolveAllowedPath(url, directories);
  if (!(await stat(real)).isDirectory()) throw mediaUnavailableError(url, 'it is not a folder');
  return real;
}

async function openAllowed(url: string, directories: readonly string[]): Promise<{ file: FileHandle; about: Stats }> {
  const real = await resolveAllowedPath(url, directories);
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw mediaUnavailableError(url, error.code ?? error.message);
  });
  const about = await file.stat();
  if (about.isFile()) return { file, about };
  await file.close();
  // Reading a pipe or a device might never end.
  throw mediaUnavailableError(url, 'it is not a regular file');
}

/**
 * Resolves the symbolic links in a URL's path. @throws FactoryError MediaUnavailable when the result is in no folder of
 * `directories`
 */
async function resolveAllowedPath(url: string, directories: readonly string[]): Promise<string> {
  const path = parseFileUrl(url);
  if (path === undefined) {
    const message = `${url} is not an absolute path on the worker’s machine`;
    throw new FactoryError('MediaUnavailable', message, { hint: 'write file:///DIR/FILE' });
  }
  const real = await realpath(path).catch(() => undefined);
  const opened = await Promise.all(directories.map((directory) => realpath(directory).catch(() => undefined)));
  const isInside = (folder: string | undefined): boolean =>
    folder !== undefined && real !== undefined && real.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
  if (real !== undefined && opened.some(isInside)) return real;
  throw new FactoryError('MediaUnavailable', `${url} is in none of the folders that templates may read`, {
    hint: HINT,
  });
}

/** Reads the absolute path of a `file://` URL. Returns undefined if the URL has none, or names another machine. */
function parseFileUrl(url: string): string | undefined {
  if (!/^file:\/\/(localhost)?\//i.test(url)) return undefined;
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}
