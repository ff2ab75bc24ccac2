import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { withStoreErrors } from '../domain/store-errors.js';
import { ifAbsent } from './files.js';
import { type Lease, Leases } from './leases.js';

/** Space that a process asks for, or has got. It is kept in a lease. */
interface Claim {
  id: string;
  /** The file or folder that will take the space, relative to the folder of the claims. */
  path: string;
  bytes: number;
  /** When the process began to ask, in milliseconds since the epoch. */
  since: number;
  granted: boolean;
}

/** Why there is not enough space now. All sizes are in bytes. */
export interface Shortage {
  needed: number;
  free: number;
  /** What others have been promised, and have not written yet. */
  promised: number;
  /** Number of those others. */
  claims: number;
  /** Size of the file system. */
  capacity: number;
}

/** Name of the folder with the claims. */
const FOLDER = 'space';
/** The part of a file system that is never promised, and the most of it, in bytes. Records need it. */
const [MARGIN, LARGEST_MARGIN] = [0.01, 256 * 1024 * 1024];

let last = 0;

/**
 * Shares out the free space of file systems among all processes that use the same folders. Who asks first gets first.
 * When a process dies, what it has written into its space is removed, by whoever notices it.
 */
export class Space {
  /** @param folders the folders in which space can be claimed; some may be on the same file system */
  constructor(private readonly folders: readonly string[]) {}

  /**
   * Asks for space. The space is free to use as soon as {@link SpaceClaim.findShortage} returns undefined.
   *
   * @param folder one of the folders
   * @param path the file or folder that will take the space. It is in the folder, and belongs to the claim
   */
  async claim(folder: string, path: string, bytes: number): Promise<SpaceClaim> {
    return withStoreErrors('reserve space in', folder, async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // The time also tells the claims of one process apart.
      last = Math.max(Date.now(), last + 0.001);
      const claim = { id: `${process.pid}-${last}`, path: relative(folder, path), bytes, since: last, granted: false };
      return new SpaceClaim(folder, await this.leases(folder).take(claim), () => this.listClaims(folder));
    });
  }

  /** Removes what killed processes have left. Returns the paths that belong to claims of running processes. */
  async removeLeft(): Promise<string[]> {
    const paths: string[] = [];
    for (const folder of this.folders) {
      for (const { data } of await this.leases(folder).list()) paths.push(join(folder, data.path));
    }
    return paths;
  }

  /** Whether two folders are on the same file system. */
  async isSameDisk(one: string, other: string): Promise<boolean> {
    return (await readDevice(one)) === (await readDevice(other));
  }

  /** Lists the claims in the file system of a folder, with what they have not written yet. */
  private async listClaims(folder: string): Promise<(Claim & { left: number })[]> {
    const claims: (Claim & { left: number })[] = [];
    for (const other of this.folders) {
      if (!(await this.isSameDisk(folder, other))) continue;
      for (const { data } of await this.leases(other).list()) {
        const used = data.granted ? await readUsage(join(other, data.path)) : 0;
        claims.push({ ...data, left: Math.max(0, data.bytes - used) });
      }
    }
    return claims;
  }

  private leases(folder: string): Leases<Claim> {
    return new Leases<Claim>(join(folder, FOLDER), ({ path }) =>
      rm(join(folder, path), { recursive: true, force: true }),
    );
  }
}

/** Space that this process has asked for. */
export class SpaceClaim {
  constructor(
    private readonly folder: string,
    private readonly lease: Lease<Claim>,
    private readonly listClaims: () => Promise<(Claim & { left: number })[]>,
  ) {}

  /** Takes the space if there is enough of it. Else returns why not: ask again later. */
  async findShortage(): Promise<Shortage | undefined> {
    return withStoreErrors('reserve space in', this.folder, async () => {
      const { data } = this.lease;
      const isEarlier = ({ since, id }: Claim): boolean => since < data.since || (since === data.since && id < data.id);
      const shortage = await this.look((claim) => claim.granted || isEarlier(claim));
      if (shortage !== undefined) return shortage;
      await this.lease.update({ ...data, granted: true });
      // Another process may have looked at the same moment. The one that asked later steps back.
      const late = await this.look(isEarlier);
      if (late !== undefined) await this.lease.update(data);
      return late;
    });
  }

  /** Whether the claim still exists: see {@link Lease.isHeld}. */
  isHeld(): Promise<boolean> {
    return this.lease.isHeld();
  }

  release(): Promise<void> {
    return this.lease.release();
  }

  /** Compares the free space with what this claim needs and the given others have left. */
  private async look(counts: (claim: Claim) => boolean): Promise<Shortage | undefined> {
    const { id, bytes: needed } = this.lease.data;
    const others = (await this.listClaims()).filter((claim) => claim.id !== id && counts(claim));
    const promised = others.reduce((sum, { left }) => sum + left, 0);
    const { bavail, blocks, bsize } = await statfs(this.folder);
    const capacity = blocks * bsize;
    const free = Math.max(0, bavail * bsize - Math.min(capacity * MARGIN, LARGEST_MARGIN));
    if (needed <= free - promised) return undefined;
    return { needed, free, promised, claims: others.length, capacity };
  }
}

/** Returns the file system of a folder. Undefined when the folder does not exist. */
async function readDevice(folder: string): Promise<number | undefined> {
  return stat(folder).then(({ dev }) => dev, ifAbsent(() => undefined)); // prettier-ignore
}

/** Returns the bytes of disk space that a file or folder takes; 0 when it does not exist. */
async function readUsage(path: string): Promise<number> {
  const found = await stat(path).catch(ifAbsent(() => undefined));
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.blocks * 512;
  const names = await readdir(path).catch(ifAbsent((): string[] => []));
  const sizes = await Promise.all(names.map((name) => readUsage(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
