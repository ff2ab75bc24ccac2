import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const LIBEXEC = fileURLToPath(new URL('../../../dev/openstack/libexec', import.meta.url));
const run = promisify(execFile);

describe("the single-node cloud's mount", () => {
  it('does nothing for the share of the volumes, and succeeds', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'mount-'));
    t.after(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'volume'), 'data');
    const options = ['-t', 'nfs', '-o', 'vers=4,minorversion=1'];
    await run(join(LIBEXEC, 'mount'), [...options, '127.0.0.1:/volumes', folder]);
    assert.equal(await readFile(join(folder, 'volume'), 'utf8'), 'data');
    assert.ok(!(await readFile('/proc/self/mounts', 'utf8')).includes(folder));
  });

  it('passes all other calls to the real mount', async () => {
    const [ours, real] = await Promise.all([
      run(join(LIBEXEC, 'mount'), ['--version']),
      run('/usr/bin/mount', ['--version']),
    ]);
    assert.equal(ours.stdout, real.stdout);
  });

  it('also exists as mount.nfs, which Cinder looks for when it starts', async () => {
    await assert.doesNotReject(run(join(LIBEXEC, 'mount.nfs')));
  });
});
