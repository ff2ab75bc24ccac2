import { gunzip } from '../archive/gunzip.js';
import { writeGzip } from '../archive/gzip.js';
import { TarError } from '../archive/read-tar.js';
import { readChunks } from '../bytes/content.js';
import type { RootFormat } from './root-format.js';

/** A distribution for the Windows Subsystem for Linux: the tar of its root file system, compressed by gzip. */
export const wsl: RootFormat = {
  extension: 'wsl',
  write: async (path, tar) => {
    await writeGzip(path, tar);
  },
  findError: async (path, checkTar, signal) => {
    try {
      return await checkTar(gunzip(readChunks(path, signal)));
    } catch (error) {
      if (error instanceof TarError) return error.message;
      throw error;
    }
  },
};
