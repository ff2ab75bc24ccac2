import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { POSIX } from '../../../src/guest/posix.js';

describe('a file that is written in a guest', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'write-file-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is written whole', async () => {
    const child = spawn('sh', ['-c', POSIX.writeFile({ path: join(folder, 'file'), size: 5 })]);
    child.stdin.end('whole');
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.deepEqual(readdirSync(folder), ['file']);
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'whole');
  });

  it('leaves nothing when the connection is lost, and nobody reads the message', async () => {
    const child = spawn('sh', ['-c', POSIX.writeFile({ path: join(folder, 'file'), size: 5 })]);
    child.stderr.destroy();
    child.stdin.end('ha');
    await once(child, 'exit');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('leaves nothing when the guest ends the command', async () => {
    const child = spawn('sh', ['-c', `echo ready; ${POSIX.writeFile({ path: join(folder, 'file'), size: 5 })}`], { detached: true }); // prettier-ignore
    child.stdin.on('error', () => undefined);
    await once(child.stdout, 'data');
    child.stdin.write('ha');
    const size = (): number => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    while (size() === 0) await new Promise((resolve) => setImmediate(resolve));
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await once(child, 'exit');
    assert.deepEqual(readdirSync(folder), []);
  });
});
