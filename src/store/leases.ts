import { randomUUID } from 'node:crypto';
import { readFile, readlink, rm, stat, utimes } from 'node:fs/promises';
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
  /** Whether the lease still exists. Another worker removes it when this process could not renew it in time. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
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
    const content = JSON.stringify({ owner: await readSelf(), data });
    await replaceFile(path, (file) => file.writeFile(content));
    return this.hold(path, data);
  }

  /** Takes the only lease of a name. Returns undefined when a process that runs has it. */
  async takeExclusive(name: string, data: T): Promise<Lease<T> | undefined> {
    const path = join(this.folder, `${name}${SUFFIX}`);
    if ((await this.read(path)) !== undefined) return undefined;
    // The content tells whether this lease or that of another process was created.
    const content = JSON.stringify({ owner: await readSelf(), data, id: randomUUID() });
    await createFile(path, (file) => file.writeFile(content));
    const found = await readFile(path, 'utf8').catch(ifAbsent(() => undefined));
    return found === content ? this.hold(path, data) : undefined;
  }

  /** Lists the leases of all processes that run, and removes the others. */
  async list(): Promise<HeldLease<T>[]> {
    const names = (await listFolder(this.folder)).filter((name) => name.endsWith(SUFFIX));
    const leases = await Promise.all(names.map((name) => this.read(join(this.folder, name))));
    return leases.filter((lease) => lease !== undefined);
  }

  private hold(path: string, data: T): Lease<T> {
    const renew = (): void => {
      const now = new Date();
      utimes(path, now, now).catch(() => undefined);
    };
    const renewing = setInterval(renew, RENEWED_EVERY);
    renewing.unref();
    return {
      name: path,
      data,
      update: async (changed) => {
        const content = JSON.stringify({ owner: await readSelf(), data: changed });
        await replaceFile(path, (file) => file.writeFile(content));
      },
      isHeld: () =>
        stat(path).then(
          () => true,
          () => false,
        ),
      release: async () => {
        clearInterval(renewing);
        await rm(path, { force: true });
      },
    };
  }

  /** Reads a lease. Removes it, and returns undefined, when its process has died. */
  private async read(path: string): Promise<HeldLease<T> | undefined> {
    const text = await readFile(path, 'utf8').catch(ifAbsent(() => undefined));
    const renewed = await stat(path).then(({ mtimeMs }) => mtimeMs, ifAbsent(() => undefined)); // prettier-ignore
    if (text === undefined || renewed === undefined) return undefined;
    const { owner, data } = JSON.parse(text) as { owner: Owner; data: T };
    if (await isRunning(owner, renewed)) return { name: path, data };
    await this.onEnd(data);
    await rm(path, { force: true });
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
