import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { findGo } from '../../../src/cli/dev-server/temporal-binary.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCE = join(PROJECT, 'tools', 'vcsim');
const FOLDER = join(PROJECT, '.cache', 'counterparts', 'vcsim');
/** Milliseconds for the build: two minutes of CPU on a machine that others use too. A test file has ten minutes. */
const BUILD_TIMEOUT = 480_000;

const readySchema = z.object({ url: z.url(), library: z.string().optional() });

/** A running simulator of a vCenter or of an ESXi host. */
export interface Vcsim {
  url: string;
  /** The id of the content library `images`; an ESXi host has none. */
  library: string;
  stop(): Promise<void>;
}

/**
 * Builds govmomi's simulator from `tools/vcsim`, once for each state of its source.
 *
 * @returns the program, or why there is none
 */
export async function installVcsim(): Promise<{ program: string } | { missing: string }> {
  const digest = createHash('sha256');
  for (const name of (await readdir(SOURCE)).sort()) digest.update(name).update(await readFile(join(SOURCE, name)));
  const program = join(FOLDER, `vcsim-${digest.digest('hex').slice(0, 12)}`);
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (isThere) return { program };
  await mkdir(FOLDER, { recursive: true });
  const go = await findGo(FOLDER, process.env, () => undefined);
  if (go === undefined) return { missing: 'Go is not installed' };
  const unfinished = `${program}.${process.pid}`;
  try {
    const env = { ...process.env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };
    await promisify(execFile)(go, ['build', '-o', unfinished, '.'], { cwd: SOURCE, env, timeout: BUILD_TIMEOUT });
    await rename(unfinished, program);
    return { program };
  } catch (error) {
    return { missing: `the build of tools/vcsim failed: ${String(error).slice(0, 300)}` };
  }
}

/** Starts the simulator, with the user `images` and the password `secret`. */
export async function startVcsim(program: string, kind: 'vcenter' | 'esx'): Promise<Vcsim> {
  const child = spawn(program, [kind, 'images', 'secret'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), exited]);
  const { url, library = '' } = readySchema.parse(JSON.parse(String(line[0])));
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  return { url, library, stop };
}
