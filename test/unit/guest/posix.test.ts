import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { POSIX } from '../../../src/guest/posix.js';
import { RUNNER } from '../../../src/guest/posix-journal.js';

/** Programs that the runner of a step needs. */
const PROGRAMS = ['cat', 'grep', 'head', 'ln', 'mkdir', 'mv', 'rm', 'sleep', 'sync', 'tail', 'wc'];

/** What Debian's `sh` cannot do: case 25 of the inputs that fail. */
const BASH_ONLY = `[[ -d / ]] && echo -e "a\\tb" && echo {x,y} && source /dev/null`;

describe('the shell of a template’s commands', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'posix-'));
    for (const name of PROGRAMS) symlinkSync(`/bin/${name}`, join(folder, name));
    symlinkSync('/bin/sh', join(folder, 'sh'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const giveBash = (): void => symlinkSync('/bin/bash', join(folder, 'bash'));

  /** Runs a script as a step of the journal, in a guest whose programs are in `folder` alone. */
  function runStep(script: string, prefersBash: boolean): { status: string; output: string } {
    const attempt = join(folder, 'try');
    spawnSync('mkdir', ['-p', attempt]);
    writeFileSync(join(attempt, 'script'), script);
    const runner = RUNNER.replace(/^PATH=.*$/m, `PATH=${folder}`);
    spawnSync('/bin/sh', ['-c', runner, 'runner', folder, attempt, prefersBash ? '1' : '0'], { env: { PATH: folder } });
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    return { status: read('status').trim(), output: read('output') };
  }
  function runCommand(script: string): string {
    const command = POSIX.templateCommand(script);
    const { stdout } = spawnSync('/bin/sh', ['-c', command], { env: { PATH: folder }, encoding: 'utf8' });
    return stdout;
  }

  it('is bash where the guest has bash', () => {
    giveBash();
    assert.deepEqual(runStep(BASH_ONLY, true), { status: '0', output: 'a\tb\nx y\n' });
    assert.equal(runCommand(BASH_ONLY), 'a\tb\nx y\n');
  });

  it('is sh where the guest has no bash', () => {
    assert.deepEqual(runStep('echo "$0 ${BASH-sh}"', true), { status: '0', output: `${folder}/try/script sh\n` });
    assert.equal(runCommand('echo "${BASH-sh}"'), 'sh\n');
  });

  it('is not the shell of imagefactory’s own scripts', () => {
    giveBash();
    assert.equal(runStep('echo "${BASH-sh}"', false).output, 'sh\n');
  });

  it('gets a command that holds quotes as it is', () => {
    giveBash();
    assert.equal(runCommand(`echo 'it'\\''s' "$(echo \\"x\\")"`), `it's "x"\n`);
  });
});
