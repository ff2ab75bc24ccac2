import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs `imagefactory --version` on a Node that says it is of this version. */
function runOn(version: string): { status: number | null; stderr: string } {
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const args = [
    '--import',
    `data:text/javascript,${encodeURIComponent(versions)}`,
    join(PROJECT, 'bin/imagefactory.js'),
  ];
  return spawnSync(process.execPath, [...args, '--version'], { encoding: 'utf8' });
}

describe('the program on another version of Node', () => {
  for (const version of ['18.20.4', '22.9.0', '22.18.9']) {
    it(`says that ${version} is too old, and what to do`, () => {
      const { status, stderr } = runOn(version);
      assert.equal(status, 1);
      assert.match(
        stderr,
        new RegExp(`^imagefactory: Node ${version} is too old, it needs Node 22\\.19\\.0 or newer\n`),
      );
      assert.match(stderr, /make build/);
    });
  }

  for (const version of ['22.19.0', '100.0.0']) {
    it(`starts on ${version}`, () => {
      assert.equal(runOn(version).status, 0);
    });
  }
});
