import { constants } from 'node:fs';
import { lchown, mkdir, open, readFile, realpath, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { GuestUser } from './guest-container.js';

/**
 * Reads and writes the files of a guest from outside, for the fake sshd and cloud-init. A guest may create links
 * anywhere, so this class never follows a link out of the guest's root.
 */
export class RootFiles {
  constructor(private readonly root: string) {}

  async read(path: string): Promise<string | undefined> {
    const full = await this.resolve(path);
    if (full === undefined) return undefined;
    const handle = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
    if (handle === undefined) return undefined;
    try {
      return await readFile(handle, 'utf8');
    } finally {
      await handle.close();
    }
  }

  async write(path: string, text: string, options: { mode: number; owner?: GuestUser }): Promise<void> {
    const full = (await this.resolve(path)) ?? (await this.createFolder(path, options.owner));
    if (full === undefined) throw new Error(`${path} is outside the root of the guest`);
    await rm(full, { force: true });
    const handle = await open(
      full,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      options.mode,
    );
    try {
      await handle.writeFile(text);
      if (options.owner !== undefined) await handle.chown(options.owner.uid, options.owner.gid);
    } finally {
      await handle.close();
    }
  }

  /** Creates the folder of a path, and the folders above it. @returns the path on the host */
  private async createFolder(path: string, owner: GuestUser | undefined): Promise<string | undefined> {
    const parent = dirname(path);
    if (parent === '.') return undefined;
    const folder = (await this.resolve(parent)) ?? (await this.createFolder(parent, owner));
    if (folder === undefined) return undefined;
    await mkdir(folder, { mode: 0o700 }).catch(() => undefined);
    if (owner !== undefined) await lchown(folder, owner.uid, owner.gid);
    return this.resolve(path);
  }

  async remove(path: string): Promise<void> {
    const full = await this.resolve(path);
    if (full !== undefined) await rm(full, { force: true });
  }

  /** Reads the users from the guest's `/etc/passwd`. */
  async users(): Promise<GuestUser[]> {
    const lines = ((await this.read('etc/passwd')) ?? '').split('\n');
    return lines.flatMap((line) => {
      const [name, , uid, gid, , home, shell] = line.split(':');
      if (name === undefined || home === undefined) return [];
      return [{ name, uid: Number(uid), gid: Number(gid), home, shell: shell || '/bin/sh' }];
    });
  }

  /** Finds the path on the host. Undefined when the path's folder does not exist or is outside the guest's root. */
  private async resolve(path: string): Promise<string | undefined> {
    const root = await realpath(this.root);
    const folder = await realpath(join(this.root, dirname(path))).catch(() => undefined);
    if (folder === undefined || relative(root, folder).startsWith('..')) return undefined;
    return join(folder, path.split('/').at(-1) ?? '');
  }
}
