import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Builds the program, and returns the path of its main file. In a test run, the program has been built before the
 * tests. Only a test that runs by itself builds the program here.
 */
export async function builtProgram(): Promise<string> {
  if (process.env['IMAGEFACTORY_TEST_BUNDLES'] === undefined) {
    await run('npm', ['run', '--silent', 'build'], { cwd: PROJECT });
  }
  return join(PROJECT, 'dist/src/cli/main.js');
}
