import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { findGo } from '../../../src/cli/dev-server/temporal-binary.js';
import { COUNTERPARTS, installOnce, startProgram } from './program.js';

const SOURCE = fileURLToPath(new URL('../../../tools/vcsim', import.meta.url));
/** Milliseconds for the build: two minutes of CPU on a machine that others use too. A test file has ten minutes. */
const BUILD_TIMEOUT = 480_000;

const readySchema = z.object({ url: z.url(), library: z.string().optional() });

/** A running simulator of a vCenter or of an ESXi host. */
export interface Vcsim {
  url: string;
  /** The id of the content library `images`; an ESXi host has none. */
  library: string;
  close(): Promise<void>;
}

/**
 * Builds govmomi's simulator from `tools/vcsim`, once for each state of its source.
 *
 * @returns the program, or why there is none
 */
export async function installVcsim(): Promise<{ program: string } | { missing: string }> {
  const digest = createHash('sha256');
  for (const name of (await readdir(SOURCE)).sort()) digest.update(name).update(await readFile(join(SOURCE, name)));
  const name = `vcsim-${digest.digest('hex').slice(0, 12)}`;
  try {
    const folder = await installOnce(name, async (own) => {
      const go = await findGo(COUNTERPARTS, process.env, () => undefined);
      if (go === undefined) throw new Error('Go is not installed');
      const env = { ...process.env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };
      const words = ['build', '-o', join(own, 'vcsim'), '.'];
      await promisify(execFile)(go, words, { cwd: SOURCE, env, timeout: BUILD_TIMEOUT });
    });
    return { program: join(folder, 'vcsim') };
  } catch (error) {
    return { missing: `the build of tools/vcsim failed: ${String(error).slice(0, 300)}` };
  }
}

/** Starts the simulator, with the user `images` and the password `secret`. It prints its address as a line of JSON. */
export async function startVcsim(program: string, kind: 'vcenter' | 'esx'): Promise<Vcsim> {
  const { address, close } = await startProgram(program, [kind, 'images', 'secret'], /^(\{.*\})$/m);
  const { url, library = '' } = readySchema.parse(JSON.parse(address));
  return { url, library, close };
}
