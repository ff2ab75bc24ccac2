import { open, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FactoryError } from '../build/errors.js';
import { unavailable } from './failures.js';

const HINT = 'a worker that was started with --files-from DIR reads files below DIR; or write an http(s) address';

/** Whether an address names a file of the worker's machine. */
export function isLocalFile(url: string): boolean {
  return /^file:/i.test(url);
}

/**
 * Reads a file that a `file://` address names, when it lies in one of the folders that whoever runs the worker has opened to
 * templates. Where a link leads counts, not where it lies.
 *
 * @param directories absolute paths
 * @throws FactoryError MediaUnavailable, which does not tell whether a file outside of the folders exists
 */
export async function readLocalFile(
  url: string,
  { directories, maxBytes }: { directories: readonly string[]; maxBytes: number },
): Promise<Buffer> {
  const refused = new FactoryError('MediaUnavailable', `${url} is in none of the folders that templates may read`, {
    hint: HINT,
  });
  const path = pathOf(url);
  if (path === undefined) {
    const message = `${url} does not say where the file is: the worker has no folder of its own`;
    throw new FactoryError('MediaUnavailable', message, { hint: 'write file:///DIR/FILE' });
  }
  const real = await realpath(path).catch(() => undefined);
  const opened = await Promise.all(directories.map((directory) => realpath(directory).catch(() => undefined)));
  const isInside = (folder: string | undefined): boolean =>
    folder !== undefined && real !== undefined && real.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
  if (real === undefined || !opened.some(isInside)) throw refused;
  return read(url, real, maxBytes);
}

/** The absolute path; undefined for an address that has none, or names another machine. */
function pathOf(url: string): string | undefined {
  if (!/^file:\/\/(localhost)?\//i.test(url)) return undefined;
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

async function read(url: string, path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw unavailable(url, error.code ?? error.message);
  });
  try {
    const about = await file.stat();
    // A pipe or a device would be read for ever.
    if (!about.isFile()) throw unavailable(url, 'it is not a file');
    if (about.size > maxBytes) throw unavailable(url, `it is larger than ${maxBytes} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
