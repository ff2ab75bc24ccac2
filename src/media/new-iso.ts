import { join } from 'node:path';
import { withProgramErrors } from './grub.js';
import { type RemasterOptions, runXorriso } from './iso.js';

/** A medium that is made of nothing but these files. */
export interface CreateIsoOptions extends Pick<RemasterOptions, 'files' | 'folder' | 'signal'> {
  /** At most 16 characters, which is what Joliet has room for: capital letters, digits and `_`. */
  volumeId: string;
}

/**
 * Makes a medium with the names of its files as they are (Joliet, which Windows reads).
 *
 * @returns path of the medium
 * @throws FactoryError InvalidParameter when this machine has no xorriso; StoreFailed (retryable) when it fails
 */
export async function createIso({ volumeId, files, folder, signal }: CreateIsoOptions): Promise<string> {
  return withProgramErrors('a medium for the install script', { folder, signal }, async () => {
    const out = join(folder, 'new.iso');
    const maps = files.flatMap(({ from, path }) => ['-map', from, `/${path}`]);
    await runXorriso(['-outdev', out, '-volid', volumeId, '-joliet', 'on', ...maps, '-commit'], signal);
    return out;
  });
}
