import { randomUUID } from 'node:crypto';
import { link, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createFile, ifAbsent, listFolder, replaceFile } from './files.js';

/** A process of a worker, so that other processes can find out whether it still runs. */
interface Owner {
  host: string;
  pid: number;
  /** When the process was started, in the kernel's units: another process may get the same id later. */
  started: string | undefined;
  /** The boot of the machine and the space of its process ids. Undefined where the system does not tell. */
  machine: string | undefined;
}

/** A lease of a process that runs. */
export interface HeldLease<T> {
  name: string;
  data: T;
}

/** A lease that this process has taken. It is renewed until it is released. */
export interface Lease<T> extends HeldLease<T> {
  update(data: T): Promise<void>;
  /**
   * Whether the lease still exists, and is this one. Another worker removes it when this process could not renew it in
   * time, and may have a lease of the same name then.
   */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** What the file of a lease has. */
interface Content<T> {
  owner: Owner;
  data: T;
  /** Tells two leases of a name apart. Leases that older versions have taken may have none. */
  id?: string;
}

/** Milliseconds between two renewals of a lease. */
const RENEWED_EVERY = 15_000;
/**
 * Milliseconds after which a lease of another machine has ended unless it was renewed. The clocks of machines that
 * share a folder must agree better than that.
 */
const LASTS = 120_000;
const SUFFIX = '.lease';

let self: Promise<Owner> | undefined;

/**
 * Leases in a folder: files with which processes of all workers that share the folder tell each other what they use
 * now. The lease of a process that was killed ends at once on the same machine, and after two minutes elsewhere.
 */
export class Leases<T> {
  /** @param onEnd is called with the data of a lease whose process has died, before the lease is removed */
  constructor(
    private readonly folder: string,
    private readonly onEnd: (data: T) => Promise<void> = async () => undefined,
  ) {}

  /** Takes a lease that any number of processes can have. */
  async take(data: T): Promise<Lease<T>> {
    const path = join(this.folder, `${randomUUID()}${SUFFIX}`);
    const id = randomUUID();
    const content = JSON.stringify({ owner: await readSelf(), data, id });
    await replaceFile(path, (file) => file.writeFile(content));
    return this.hold(path, data, id);
  }

  /** Takes the only lease of a name. Returns undefined when a process that runs has it. */
  async takeExclusive(name: string, data: T): Promise<Lease<T> | undefined> {
    const path = join(this.folder, `${name}${SUFFIX}`);
    if ((await this.read(path)) !== undefined) return undefined;
    // The content tells whether this lease or that of another process was created.
    const id = randomUUID();
    const content = JSON.stringify({ owner: await readSelf(), data, id });
    await createFile(path, (file) => file.writeFile(content));
    const found = await readFile(path, 'utf8').catch(ifAbsent(() => undefined));
    return found === content ? this.hold(path, data, id) : undefined;
  }

  /** Lists the leases of all processes that run, and removes the others. */
  async list(): Promise<HeldLease<T>[]> {
    const names = (await listFolder(this.folder)).filter((name) => name.endsWith(SUFFIX));
    const leases = await Promise.all(names.map((name) => this.read(join(this.folder, name))));
    return leases.filter((lease) => lease !== undefined);
  }

  private hold(path: string, data: T, id: string): Lease<T> {
    const isOurs = (text: string | undefined): boolean => text !== undefined && idOf(text) === id;
    const renew = async (): Promise<void> => {
      if (!isOurs(await readText(path))) return;
      const now = new Date();
      await utimes(path, now, now);
    };
    const renewing = setInterval(() => void renew().catch(() => undefined), RENEWED_EVERY);
    renewing.unref();
    return {
      name: path,
      data,
      update: async (changed) => {
        const present = await readText(path);
        if (present !== undefined && !isOurs(present)) return;
        const content = JSON.stringify({ owner: await readSelf(), data: changed, id });
        await replaceFile(path, (file) => file.writeFile(content));
      },
      isHeld: () => readText(path).then(isOurs, () => false),
      release: async () => {
        clearInterval(renewing);
        if (isOurs(await readText(path))) await removeOnly(path, async (text) => isOurs(text));
      },
    };
  }

  /** Reads a lease. Removes it, and returns undefined, when its process has died. */
  private async read(path: string): Promise<HeldLease<T> | undefined> {
    const text = await readText(path);
    const renewed = await readRenewal(path);
    if (text === undefined || renewed === undefined) return undefined;
    const { owner, data } = JSON.parse(text) as Content<T>;
    if (await isRunning(owner, renewed)) return { name: path, data };
    await this.onEnd(data);
    await removeOnly(path, async (found, renewedLast) => found === text && !(await isRunning(owner, renewedLast)));
    return undefined;
  }
}

/**
 * Removes a lease only if it is the one that is meant. Somebody else may have removed it since it was read, and taken
 * the next one of the same name: therefore it is moved away, looked at, and put back if it is not the one. Whoever has
 * taken a lease in between keeps it, and the owner of the one that could not be put back learns it from `isHeld`.
 */
async function removeOnly(path: string, isMeant: (text: string, renewed: number) => Promise<boolean>): Promise<void> {
  const moved = `${path}.${randomUUID()}.part`;
  const isMoved = await rename(path, moved).then(() => true, ifAbsent(() => false)); // prettier-ignore
  if (!isMoved) return;
  try {
    const [text, renewed] = [await readText(moved), await readRenewal(moved)];
    if (text === undefined || renewed === undefined || (await isMeant(text, renewed))) return;
    await link(moved, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(moved, { force: true });
  }
}

function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ifAbsent(() => undefined));
}

function readRenewal(path: string): Promise<number | undefined> {
  return stat(path).then(({ mtimeMs }) => mtimeMs, ifAbsent(() => undefined)); // prettier-ignore
}

function idOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as Content<unknown>).id;
  } catch {
    return undefined;
  }
}

async function isRunning(owner: Owner, renewed: number): Promise<boolean> {
  const { machine } = await readSelf();
  if (machine === undefined || machine !== owner.machine) return Date.now() - renewed < LASTS;
  return (await readStart(owner.pid)) === owner.started;
}

function readSelf(): Promise<Owner> {
  self ??= (async () => ({
    host: hostname(),
    pid: process.pid,
    started: await readStart(process.pid),
    machine: await readMachine(),
  }))();
  return self;
}

async function readMachine(): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

/** Reads when a process was started. Undefined when there is no such process, or it has ended and nobody waited. */
async function readStart(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name of the program, in parentheses, may have blanks. After it come the state and 18 numbers before the time.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}
