import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { POSIX } from '../../../src/guest/posix.js';

describe('the shutdown of a guest with a POSIX shell', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'shutdown-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs the shutdown script as sshd runs it. The power-off writes the file `off`. */
  function shutDown(cleanAtShutdown: string, cutAt?: number): SpawnSyncReturns<string> {
    const homes = `echo '${folder}'`;
    const { script, input = '' } = POSIX.shutDown({
      blob: 'AAAAkey',
      cleanUp: `echo >'${folder}/cleaned'`,
      cleanAtShutdown,
      homes,
      powerOff: `mv '${folder}/late' '${folder}/off'`,
    });
    return spawnSync('sh', ['-c', script], { input: input.slice(0, cutAt), encoding: 'utf8' });
  }

  it('runs a clean-up that is longer than an argument may be', async () => {
    const paths = Array.from({ length: 4000 }, (_, number) => `'/srv/a rather long path of the template/é/${number}'`);
    const { status, stderr } = shutDown(`for path in ${paths.join(' ')}; do last=$path; done
printf '%s' "$last" >'${folder}/late'`);
    assert.equal(status, 0, stderr);
    while (!existsSync(join(folder, 'off'))) await pause(20);
    assert.equal(readFileSync(join(folder, 'off'), 'utf8'), '/srv/a rather long path of the template/é/3999');
  });

  it('does nothing when only a part of the script has arrived', () => {
    const { status, stderr } = shutDown(`echo >'${folder}/late'`, -20);
    assert.equal(status, 1);
    assert.match(stderr, /only a part of the shutdown script arrived/);
    assert(!existsSync(join(folder, 'cleaned')));
  });
});
