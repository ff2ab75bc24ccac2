import { rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBundle } from '../../src/worker/bundle.js';

/** Environment variable with the folder of the bundles that all processes of a test run share. */
const SHARED = 'IMAGEFACTORY_TEST_BUNDLES';
const CACHE = fileURLToPath(new URL('../../.cache', import.meta.url));

const made = new Map<boolean, Promise<string>>();

function bundleFile(folder: string, encrypted: boolean): string {
  return join(folder, `workflow-bundle${encrypted ? '-encrypted' : ''}.js`);
}

async function write(folder: string, encrypted: boolean): Promise<string> {
  await mkdir(folder, { recursive: true });
  const { code } = await makeBundle(encrypted);
  await writeFile(bundleFile(folder, encrypted), code);
  return bundleFile(folder, encrypted);
}

/**
 * Returns the path of a file with the bundled workflows: the bundle that all processes of the test run share, else one
 * that this process creates now.
 */
export function testBundle(encrypted = false): Promise<string> {
  const shared = process.env[SHARED];
  if (shared !== undefined) return Promise.resolve(bundleFile(shared, encrypted));
  const own = join(CACHE, `test-bundle-${process.pid}`);
  if (made.size === 0) process.once('exit', () => rmSync(own, { recursive: true, force: true }));
  const bundle = made.get(encrypted) ?? write(own, encrypted);
  made.set(encrypted, bundle);
  return bundle;
}

/**
 * Makes all processes that are started from now on use the bundles of `npm run build`. Bundling takes seconds, and a
 * test run has dozens of processes.
 */
export function useBuiltBundles(): void {
  process.env[SHARED] = fileURLToPath(new URL('../../dist/src/worker', import.meta.url));
}
