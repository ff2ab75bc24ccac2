import { join } from 'node:path';
import { withProgramErrors } from './grub.js';
import { type RemasterOptions, runXorriso } from './iso.js';

/** How to create an ISO from files. */
export interface CreateIsoOptions extends Pick<RemasterOptions, 'files' | 'folder' | 'signal'> {
  /** The volume id: at most 16 characters (the limit of Joliet), only capital letters, digits and `_`. */
  volumeId: string;
}

/**
 * Creates an ISO with Joliet names, which Windows reads. So the files keep their names.
 *
 * @returns path of the ISO
 * @throws FactoryError InvalidParameter when this machine lacks xorriso; StoreFailed (retryable) when xorriso fails
 */
export async function createIso({ volumeId, files, folder, signal }: CreateIsoOptions): Promise<string> {
  return withProgramErrors('a medium for the install script', { folder, signal }, async () => {
    const out = join(folder, 'new.iso');
    const maps = files.flatMap(({ from, path }) => ['-map', from, `/${path}`]);
    await runXorriso(['-outdev', out, '-volid', volumeId, '-joliet', 'on', ...maps, '-commit'], signal);
    return out;
  });
}
