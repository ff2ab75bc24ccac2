import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ifAbsent, listFolder, moveFile } from './files.js';
import { type Lease, Leases } from './leases.js';

/** A digest, in hexadecimal, with the name that Node has for its algorithm. */
export interface FileDigest {
  algorithm: string;
  value: string;
}

interface CachedFile {
  path: string;
  /** bytes */
  size: number;
  usedAt: number;
}

const PART = '.part';
/** Name of the folder with the leases. */
const FOLDER = 'leases';

/**
 * Downloaded files in a folder that any number of workers may share. It holds at most as many bytes as its budget,
 * except when files that are used now take more. The file that was not used for the longest time goes first.
 */
export class ImageCache {
  private readonly leases: Leases<{ name: string }>;
  /** The identity of each file whose digest this process has checked, by the file's path. */
  private readonly checked = new Map<string, string>();

  constructor(
    readonly folder: string,
    /** bytes */
    readonly budget: number,
  ) {
    this.leases = new Leases(join(folder, FOLDER));
  }

  pathOf(name: string): string {
    return join(this.folder, name);
  }

  /** Keeps a file from being removed until the lease is released. The file need not exist yet. */
  async use(name: string): Promise<Lease<{ name: string }>> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    return this.leases.take({ name });
  }

  /** Takes the right to download a file. Returns undefined when a process that runs downloads it already. */
  async startDownload(name: string): Promise<Lease<{ name: string }> | undefined> {
    return this.leases.takeExclusive(`${name}.download`, { name });
  }

  /** Moves a downloaded file into the cache. */
  async add(name: string, part: string): Promise<void> {
    await moveFile(part, this.pathOf(name));
    await this.markChecked(name);
  }

  /**
   * Returns the identity of a file that is complete and as it was downloaded; undefined when the cache does not have
   * it. A damaged file is removed. The digest of a file is computed once in each process.
   */
  async find(name: string, digest: FileDigest | undefined, signal?: AbortSignal): Promise<string | undefined> {
    const path = this.pathOf(name);
    const identity = await this.readIdentity(name);
    if (identity === undefined) return undefined;
    if (this.checked.get(path) !== identity && digest !== undefined) {
      const hash = createHash(digest.algorithm);
      await pipeline(createReadStream(path), hash, signal === undefined ? {} : { signal });
      if (hash.digest('hex') !== digest.value) {
        await rm(path, { force: true });
        return undefined;
      }
    }
    return this.markChecked(name);
  }

  /** Returns what changes when a file is replaced or written to. Undefined when the file does not exist. */
  async readIdentity(name: string): Promise<string | undefined> {
    const found = await stat(this.pathOf(name)).catch(ifAbsent(() => undefined));
    return found === undefined ? undefined : [found.ino, found.size, Math.round(found.mtimeMs)].join();
  }

  /**
   * Removes files that nobody uses, until the cache has at most so many bytes. Returns whether it has removed any.
   *
   * @param bytes default: the budget
   */
  async shrinkTo(bytes = this.budget): Promise<boolean> {
    const used = new Set((await this.leases.list()).map(({ data }) => this.pathOf(data.name)));
    const files = await this.listFiles();
    let total = files.reduce((sum, { size }) => sum + size, 0);
    let removed = false;
    for (const { path, size } of files.filter((file) => !used.has(file.path)).sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= bytes) break;
      await rm(path, { force: true });
      total -= size;
      removed = true;
    }
    return removed;
  }

  /** Removes the file that was not used for the longest time. Returns false when all files are used. */
  async removeOldest(): Promise<boolean> {
    const total = (await this.listFiles()).reduce((sum, { size }) => sum + size, 0);
    return total > 0 && this.shrinkTo(total - 1);
  }

  /** Lists the paths of downloads that are not complete. */
  async listParts(): Promise<string[]> {
    return (await listFolder(this.folder)).filter((name) => name.endsWith(PART)).map((name) => this.pathOf(name));
  }

  private async listFiles(): Promise<CachedFile[]> {
    const names = (await listFolder(this.folder)).filter((name) => !name.endsWith(PART));
    const files = await Promise.all(
      names.map(async (name) => {
        const found = await stat(this.pathOf(name)).catch(ifAbsent(() => undefined));
        if (found?.isFile() !== true) return [];
        return [{ path: this.pathOf(name), size: found.blocks * 512, usedAt: found.atimeMs }];
      }),
    );
    return files.flat();
  }

  /** Notes that this process has checked the file, and that it is used now. Returns its identity. */
  private async markChecked(name: string): Promise<string | undefined> {
    const path = this.pathOf(name);
    const found = await stat(path).catch(ifAbsent(() => undefined));
    if (found === undefined) return undefined;
    // The time of the last change stays, because it is a part of the file's identity.
    await utimes(path, new Date(), found.mtime).catch(ifAbsent(() => undefined));
    const identity = await this.readIdentity(name);
    if (identity !== undefined) this.checked.set(path, identity);
    return identity;
  }
}
