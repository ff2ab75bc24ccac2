import { createHash, randomBytes } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

const SUFFIX = '.part';
/** This machine, in the names of files. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/**
 * Takes the unfinished file of an earlier download for this download alone, by renaming it: two downloads that write to
 * one file would damage it. A file whose process has died without returning it is taken too.
 *
 * @param part the name that an unfinished file has while nobody writes to it; it ends in `.part`
 * @returns the name of the unfinished file of this download. The file need not exist
 */
export async function takePart(part: string): Promise<string> {
  const stem = part.slice(0, -SUFFIX.length);
  const own = `${stem}.${HOST}-${process.pid}-${randomBytes(3).toString('hex')}${SUFFIX}`;
  for (const candidate of [part, ...(await listDead(stem))]) {
    if (await renameIfPresent(candidate, own)) break;
  }
  return own;
}

/** Gives back an unfinished file, so that the next download goes on with it. Does nothing when there is none. */
export async function returnPart(own: string, part: string): Promise<void> {
  await renameIfPresent(own, part);
}

/** Lists the unfinished files of processes of this machine that have died. */
async function listDead(stem: string): Promise<string[]> {
  const own = `${basename(stem)}.${HOST}-`;
  const names = (await readdir(dirname(stem))).filter((name) => name.startsWith(own) && name.endsWith(SUFFIX));
  const dead = names.filter((name) => !isRunning(Number.parseInt(name.slice(own.length), 10)));
  return dead.map((name) => join(dirname(stem), name));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function renameIfPresent(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
