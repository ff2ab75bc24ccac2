import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath, rename, rm, rmdir, statfs } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FactoryError } from '../../domain/errors.js';
import { formatSize } from '../../domain/sizes.js';
import { type Lease, Leases } from '../../store/leases.js';
import type { Finding, Operation, PushedImage, StagingObject } from '../types.js';
import { copyFile, copyLost } from './copy-file.js';
import { errorCode, ifMissing, withFolderErrors } from './folder-errors.js';
import { filesOf, isImageFolder } from './image-document.js';
import type { ChangeText, Place, Placed, PlacedDocument, WriteCondition } from './place.js';
import { imageFileOf, PROBE, requireInside } from './place-name.js';
import { tryOut } from './try-out.js';

/** The folder of the locks: files of workers that change a shared document now. */
const LOCKS = '.imagefactory';
/** The end of the name of a file that is not complete. */
const PART = '.part';
/** Bytes of the blocks in which the system counts what a file occupies. */
const BYTES_PER_BLOCK = 512;
/** How long a worker waits for others that change the same document, in milliseconds. */
const LOCK_WAIT = 200;

/** A folder on the machine of the worker. Files appear in it only when they are complete. */
export class FolderPlace implements Place {
  readonly region = undefined;
  readonly location: string;
  private readonly folder: string;

  constructor(
    readonly url: string,
    readonly publicUrl: string,
  ) {
    this.folder = fileURLToPath(`${url}/`);
    this.location = `folder ${this.folder}`;
  }

  async read(_operation: Operation, name: string): Promise<PlacedDocument | undefined> {
    const path = await this.resolve(name);
    return withFolderErrors('read', path, async () => {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(ifMissing);
      if (file === undefined) return undefined;
      try {
        return { text: await file.readFile('utf8'), version: undefined };
      } finally {
        await file.close();
      }
    });
  }

  async write(_operation: Operation, name: string, text: string, condition: WriteCondition): Promise<boolean> {
    const path = await this.resolve(name);
    return withFolderErrors('write', path, async () => {
      await this.makeFolder(path);
      if (condition === 'absent' && (await lstat(path).catch(ifMissing)) !== undefined) return false;
      const temporary = `${path}.${randomUUID()}${PART}`;
      try {
        const file = await open(temporary, 'wx', 0o666);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } finally {
        await rm(temporary, { force: true });
      }
      await syncFolder(dirname(path));
      return true;
    });
  }

  async update(operation: Operation, name: string, change: ChangeText): Promise<void> {
    await this.resolve(LOCKS);
    const leases = new Leases<null>(join(this.folder, LOCKS));
    const lockName = name.replaceAll('/', '-');
    const lease = await this.waitForLease(operation, leases, lockName);
    try {
      const present = (await this.read(operation, name))?.text;
      const changed = change(present);
      if (changed === undefined || changed === present) return;
      if (!(await lease.isHeld())) throw lockLost(name);
      await this.write(operation, name, changed, 'always');
    } finally {
      await lease.release();
    }
  }

  private async waitForLease(operation: Operation, leases: Leases<null>, name: string): Promise<Lease<null>> {
    for (;;) {
      const lease = await withFolderErrors('lock', join(this.folder, LOCKS), () => leases.takeExclusive(name, null));
      if (lease !== undefined) return lease;
      operation.report({ message: `waiting for another worker that writes to ${this.location}` });
      await operation.sleep(LOCK_WAIT);
    }
  }

  async canUpdate(): Promise<boolean> {
    return true;
  }

  async measure(_operation: Operation, name: string): Promise<number | undefined> {
    const path = await this.resolve(name);
    const found = await withFolderErrors('read', path, () => lstat(path).catch(ifMissing));
    return found?.isFile() === true ? found.size : undefined;
  }

  async upload(operation: Operation, image: PushedImage, name: string): Promise<Placed> {
    const verifiedBy = 'SHA-256 of the copy, read from the disk again';
    const path = await this.resolve(name);
    // The name is given to a copy only after it was compared.
    if ((await this.measure(operation, name)) === image.file.size) return { sent: 0, verifiedBy };
    await this.resolve(LOCKS);
    const leases = new Leases<null>(join(this.folder, LOCKS));
    const lease = await this.waitForLease(operation, leases, `${image.uuid}.copy`);
    try {
      // The attempt that had the lease before may have copied it.
      if ((await this.measure(operation, name)) === image.file.size) return { sent: 0, verifiedBy };
      return { sent: await this.copy(operation, image, name, path, lease), verifiedBy };
    } finally {
      await lease.release();
    }
  }

  private copy(
    operation: Operation,
    image: PushedImage,
    name: string,
    path: string,
    lease: Lease<null>,
  ): Promise<number> {
    const requireLease = async (): Promise<void> => {
      if (!(await lease.isHeld())) throw lockLost(name);
    };
    return withFolderErrors('write', path, async () => {
      await this.makeFolder(path);
      const part = `${path}${PART}`;
      const title = `copying ${image.file.name} to ${this.location}`;
      const sent = await copyFile(operation, image, part, title, requireLease);
      await requireLease();
      try {
        await rename(part, path);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
        if ((await this.measure(operation, name)) !== image.file.size) throw copyLost(part);
      }
      await syncFolder(dirname(path));
      return sent;
    });
  }

  async remove(_operation: Operation, name: string): Promise<boolean> {
    const path = await this.resolve(name);
    return withFolderErrors('remove', path, async () => {
      if ((await lstat(path).catch(ifMissing)) === undefined) return false;
      await rm(path, { force: true });
      return true;
    });
  }

  async removeUnfinished(operation: Operation, name: string): Promise<string[]> {
    const removed: string[] = [];
    for (const { id } of await this.listUnfinished(operation, dirname(name), basename(name))) {
      if (await this.remove(operation, id.slice(this.url.length + 1))) removed.push(id);
    }
    return removed;
  }

  async removeFolder(_operation: Operation, name: string): Promise<void> {
    const path = await this.resolve(name);
    await withFolderErrors('remove', path, () =>
      rmdir(path).catch((error: unknown) => {
        // Somebody has put something beside the image: it is theirs.
        if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) throw error;
      }),
    );
  }

  async listFolders(): Promise<string[]> {
    return withFolderErrors('read', this.folder, async () => {
      const entries = await readdir(this.folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    });
  }

  async listUnfinished(_operation: Operation, folder: string, file: string): Promise<Omit<StagingObject, 'uuid'>[]> {
    const path = await this.resolve(folder);
    return withFolderErrors('read', path, async () => {
      const names = ((await readdir(path).catch(ifMissing)) ?? []).filter((name) => isUnfinished(name, file));
      return Promise.all(
        names.map(async (name) => {
          const found = await lstat(join(path, name)).catch(ifMissing);
          const id = `${this.url}/${folder}/${name}`;
          return { kind: 'unfinished copy', id, createdAt: found?.mtimeMs, size: found?.size };
        }),
      );
    });
  }

  async listProbes(): Promise<StagingObject[]> {
    return withFolderErrors('read', this.folder, async () => {
      const names = (await readdir(this.folder)).filter(
        (name) => name.startsWith(PROBE) && isImageFolder(name.slice(PROBE.length)),
      );
      return Promise.all(
        names.map(async (name) => {
          const found = await lstat(join(this.folder, name)).catch(ifMissing);
          const [uuid, id] = [name.slice(PROBE.length), `${this.url}/${name}`];
          return { uuid, kind: 'probe', id, createdAt: found?.mtimeMs, size: found?.size };
        }),
      );
    });
  }

  async removeProbe(operation: Operation, uuid: string): Promise<string[]> {
    const name = `${PROBE}${uuid}`;
    return (await this.remove(operation, name)) ? [`${this.url}/${name}`] : [];
  }

  async check(_operation: Operation, image: PushedImage | undefined): Promise<Finding[]> {
    const written = await tryOut(`write to ${this.location}`, async () => {
      const probe = await this.resolve(`${PROBE}${randomUUID()}`);
      await withFolderErrors('write', probe, async () => {
        await (await open(probe, 'wx', 0o666)).close();
        await rm(probe);
      });
    });
    if (!written.ok || image === undefined) return [written];
    return [written, await this.checkSpace(image)];
  }

  private async checkSpace(image: PushedImage): Promise<Finding> {
    const { bavail, bsize } = await statfs(this.folder);
    const part = join(this.folder, `${filesOf(image.uuid, imageFileOf(image.file.name)).file}${PART}`);
    // What an earlier attempt has copied need not be copied again.
    const copied = ((await lstat(part).catch(ifMissing))?.blocks ?? 0) * BYTES_PER_BLOCK;
    const free = bavail * bsize + copied;
    const what = `space for ${formatSize(image.file.size)}`;
    if (free >= image.file.size) return { what, ok: true };
    const message = `${this.location} has ${formatSize(free)} free`;
    return { what, ok: false, message, hint: 'free space on the disk of the folder' };
  }

  async close(): Promise<void> {
    // Nothing is open between two calls.
  }

  /**
   * Returns the path of a name. The folder itself may be a symbolic link, but a link in it must not lead out of it:
   * what we write or remove would be somewhere else.
   */
  private async resolve(name: string): Promise<string> {
    const root = await withFolderErrors('find', this.folder, () => realpath(this.folder));
    const path = join(root, requireInside(name));
    for (let present = path; present !== root; present = dirname(present)) {
      const real = await withFolderErrors('read', present, () => realpath(present).catch(ifMissing));
      if (real === undefined) continue;
      if (real.startsWith(root === sep ? root : `${root}${sep}`)) break;
      throw new FactoryError('Conflict', `${present} is a symbolic link that leads out of ${this.folder}`, {
        hint: 'it is not followed: move it away',
      });
    }
    return path;
  }

  private async makeFolder(path: string): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
  }
}

/** Whether a name is that of an unfinished copy of a file, or of a document that was not written to its end. */
function isUnfinished(name: string, file: string): boolean {
  if (name === `${file}${PART}`) return true;
  const { image, checksums } = filesOf('', file);
  return [image, checksums]
    .map((document) => `${basename(document)}.`)
    .some(
      (start) => name.startsWith(start) && name.endsWith(PART) && isImageFolder(name.slice(start.length, -PART.length)),
    );
}

function lockLost(name: string): FactoryError {
  return new FactoryError('StoreFailed', `the lock of ${name} was lost to another worker`, { retryable: true });
}

/** Syncs a folder, because a rename survives a power failure only after this sync. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
