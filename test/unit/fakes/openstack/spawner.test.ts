import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { runOutside, spawnOutside } from '../../../fakes/openstack/guests/spawner.js';

const ENV = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };

describe('a program that the spawner starts', () => {
  it('gives its output, its errors and its status, and reads its input', async () => {
    const program = await spawnOutside('sh', ['-c', 'cat; echo err >&2; exit 3'], ENV);
    program.stdin.end('in\n');
    assert.deepEqual(await Promise.all([text(program.stdout), text(program.stderr)]), ['in\n', 'err\n']);
    assert.deepEqual(await program.exited, { code: 3, signal: null });
    await program.closed;
  });

  it('has its status also when it ends before anybody waits for its end', async () => {
    const programs = await Promise.all(Array.from({ length: 50 }, () => spawnOutside('true', [], ENV)));
    for (const program of programs) {
      program.stdout.resume();
      program.stderr.resume();
      assert.deepEqual(await program.exited, { code: 0, signal: null });
      await program.closed;
    }
  });

  it('says which signal ended it', async () => {
    const program = await spawnOutside('sh', ['-c', 'kill -KILL $$'], ENV);
    assert.deepEqual(await program.exited, { code: null, signal: 'SIGKILL' });
  });

  it('is closed only when no other process holds its output', async () => {
    const program = await spawnOutside('sh', ['-c', 'exec 3<&0; { cat <&3; } & exit 0'], ENV);
    assert.deepEqual(await program.exited, { code: 0, signal: null });
    let isClosed = false;
    void program.closed.then(() => (isClosed = true));
    program.stdin.end('late');
    program.stderr.resume();
    assert.equal(isClosed, false);
    assert.equal(await text(program.stdout), 'late');
    await program.closed;
  });

  it('keeps this process alive until its end is known, also when nothing else does', async () => {
    const spawner = JSON.stringify(import.meta.resolve('../../../fakes/openstack/guests/spawner.js'));
    const source = `const { spawnOutside } = await import(${spawner});
      const program = await spawnOutside('sh', ['-c', 'exec 0<&- 1>&- 2>&-; sleep 0.2'], { PATH: process.env.PATH });
      for (const stream of [program.stdin, program.stdout, program.stderr]) stream.destroy();
      console.log((await program.exited).code);`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', source];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    assert.equal(stdout, '0\n');
  });

  it('fails with what it wrote when it should have succeeded', async () => {
    await runOutside('true', []);
    await assert.rejects(runOutside('sh', ['-c', 'echo no disk >&2; exit 4']), /sh ended with 4: no disk/);
  });

  it('fails with the words of the system when there is no such program', async () => {
    await assert.rejects(spawnOutside('/no/such/program', [], ENV), /ENOENT/);
  });
});
