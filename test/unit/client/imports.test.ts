import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

/** The folders of src/ that an import of the library may load. */
const ROOMS = ['client', 'codec', 'domain', 'os', 'planning', 'profiles', 'tdl'];
/**
 * The packages that an import of the library may load. The packages of the worker (openpgp, ssh2, undici, …) would make
 * every script slow to start.
 */
const PACKAGES = [
  '@temporalio/client',
  '@temporalio/common',
  '@temporalio/envconfig',
  '@temporalio/proto',
  'fast-xml-parser',
  'leven',
  'yaml',
  'zod',
];

describe('an import of the library', () => {
  it('loads only what a client needs, and nothing of the worker', async () => {
    const { metafile } = await build({
      entryPoints: ['src/client/index.ts'],
      absWorkingDir: PROJECT,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      metafile: true,
      write: false,
      outfile: 'library.js',
    });
    const rooms = new Set(Object.keys(metafile.inputs).map((path) => path.split('/')[1] ?? ''));
    assert.deepEqual([...rooms].sort(), ROOMS);
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
    const packages = imports
      .filter(({ path, external }) => external === true && !path.startsWith('node:'))
      .map(({ path }) => path.split('/', path.startsWith('@') ? 2 : 1).join('/'));
    assert.deepEqual([...new Set(packages)].sort(), PACKAGES);
  });
});
