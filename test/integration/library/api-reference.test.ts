import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

it('docs/api/ is up to date with the library (`npm run docs` writes it)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-api-'));
  try {
    const typedoc = join(PROJECT, 'node_modules/typedoc/bin/typedoc');
    await promisify(execFile)(process.execPath, [typedoc, '--out', folder], { cwd: PROJECT });
    const present = join(PROJECT, 'docs/api');
    const names = (await readdir(folder)).sort();
    assert.deepEqual((await readdir(present)).sort(), names);
    for (const name of names) {
      assert.equal(await readFile(join(present, name), 'utf8'), await readFile(join(folder, name), 'utf8'));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
