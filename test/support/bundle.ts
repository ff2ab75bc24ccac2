import { rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBundle } from '../../src/worker/bundle.js';

/**
 * Environment variable that names the folder of the workflow bundles. All processes of a test run share these bundles.
 */
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
 * Returns the path of a workflow bundle. In a test run this is the bundle that all its processes share. Otherwise this
 * process creates its own bundle.
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
 * Sets the environment so that processes started later use the bundles of `npm run build`. Creating a bundle takes
 * seconds, and a test run has dozens of processes.
 */
export function useBuiltBundles(): void {
  process.env[SHARED] = fileURLToPath(new URL('../../dist/src/worker', import.meta.url));
}
