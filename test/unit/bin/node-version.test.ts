import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs Node so that `process.versions.node` is this version. */
function runOn(version: string, args: string[]): { status: number | null; stderr: string } {
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const disguise = `data:text/javascript,${encodeURIComponent(versions)}`;
  return spawnSync(process.execPath, ['--import', disguise, ...args], { cwd: PROJECT, encoding: 'utf8' });
}

describe('the program on a given version of Node', () => {
  for (const version of ['18.20.4', '22.9.0', '22.18.9']) {
    it(`says that ${version} is too old, and what to do`, () => {
      const { status, stderr } = runOn(version, ['bin/imagefactory.js', '--version']);
      assert.equal(status, 1);
      assert.match(
        stderr,
        new RegExp(`^imagefactory: Node ${version} is too old, it needs Node 22\\.19\\.0 or newer\n`),
      );
      assert.match(stderr, /make build/);
    });
  }

  // With an accepted version the program would load `dist`, which another job of the test run may be writing then. So
  // these tests run only the check of the version.
  const check = `import { isBelow, lowestNode } from './bin/node-version.js';
    process.exit(isBelow(process.versions.node, lowestNode()) ? 1 : 0);`;
  for (const version of ['22.19.0', '22.100.0', '100.0.0']) {
    it(`accepts ${version}`, () => {
      assert.equal(runOn(version, ['--input-type=module', '-e', check]).status, 0);
    });
  }
});
