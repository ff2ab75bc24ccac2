import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { saysInstalled, waitForPowerOff } from '../../../../src/activities/installer/wait-for-power-off.js';
import type { Progress } from '../../../../src/domain/status.js';
import { parseParameters } from '../../../../src/domain/parameters.js';
import { formatConsoleTail } from '../../../../src/activities/shared/console-tail.js';

/**
 * A cloud whose installer's machine is off when it is looked at for the first time, or so many times, and has no
 * console to read.
 */
function depsOf(machine: { launched?: string; updated: string; looks?: number }): Deps {
  let { looks = 1 } = machine;
  const server = {
    id: 's',
    metadata: {},
    'OS-EXT-STS:task_state': null,
    'OS-SRV-USG:launched_at': machine.launched ?? null,
    created: '2026-11-28T09:59:30Z',
    updated: machine.updated,
  };
  const documentsByName: { [name: string]: () => Promise<Buffer> | Buffer } = {
    'template.tdl': () => readFile('examples/debian-12.tdl'),
    install_script: () => readFile('examples/debian-12.preseed'),
    'parameters.json': () => Buffer.from(JSON.stringify(parseParameters({}))),
  };
  return {
    watch: () => ({
      servers: {
        next: async () => ({ ...server, status: --looks > 0 ? 'ACTIVE' : 'SHUTOFF' }),
        stopWaiting: () => undefined,
      },
      console: { tryTake: () => false },
      cloud: { compute: { getConsoleOutput: async () => '' } },
    }),
    store: {
      readDocument: async (_: string, name: string) => documentsByName[name]?.(),
      writeDocument: async () => undefined,
    },
  } as unknown as Deps;
}

function wait(deps: Deps, heartbeatDetails?: Progress): ReturnType<typeof waitForPowerOff> {
  const ref = { uuid: 'u', cloud: 'c', workflowId: 'w' };
  const input = { ref, documentsId: 'd', serverId: 's', deadline: Date.now() + 60_000, inactivityTimeout: 60 };
  return new MockActivityEnvironment({ heartbeatDetails }).run(() => waitForPowerOff(deps, input));
}

describe('an installer that nobody watched for an hour', () => {
  const HOUR = 3_600_000;

  it('is not taken for silent before it has been listened to', async () => {
    const long = Date.now() - HOUR;
    const report = {
      message: '',
      resume: { began: long, lastLife: long, lookedAt: long, tail: 'on', traffic: undefined },
    };
    const deps = depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:02:10Z', looks: 2 });
    assert.equal((await wait(deps, report)).seconds, 130);
  });

  it('is, where it had been silent for all its time before', async () => {
    const long = Date.now() - HOUR;
    const silent = { began: long, lastLife: long - 60_000, lookedAt: long, tail: 'on', traffic: undefined };
    const deps = depsOf({ updated: '2026-11-28T10:02:10Z', looks: 2 });
    await assert.rejects(wait(deps, { message: '', resume: silent }), { type: 'InstallSilent' });
  });
});

describe('an installer that has powered off while no worker looked', () => {
  it('has installed where its machine was on for minutes', async () => {
    const end = await wait(depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:02:10Z' }));
    assert.equal(end.seconds, 130);
  });

  it('has where that was half a minute on a fast machine', async () => {
    const end = await wait(depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:00:30Z' }));
    assert.equal(end.seconds, 30);
  });

  it('has not where its machine was on for seconds, however long ago', async () => {
    await assert.rejects(wait(depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:00:08Z' })), {
      type: 'InstallFailed',
      message: /was off after 8 s/,
    });
  });

  it('counts from the making of the machine where the cloud does not say when it was launched', async () => {
    assert.equal((await wait(depsOf({ updated: '2026-11-28T10:02:10Z' }))).seconds, 160);
  });
});

describe('the tail of a console', () => {
  it('is text without control sequences, empty lines and endless lines', () => {
    const console = '\x1b[2J\x1b[1;31mred\x1b[0m\r\n\n\x07bell\n' + 'x'.repeat(500);
    assert.equal(formatConsoleTail(console), `red\nbell\n${'x'.repeat(200)}`);
  });

  it('is so too where Nova has taken the escape characters out, and keeps what only looks like them', () => {
    const console = '[0mred[22A[M[22B[m[10B[0m\n[H[7m[m\n[    5.45] Kernel [OK] [Done] [mmcblk0] [Home] [a]\n';
    assert.equal(formatConsoleTail(console), 'red\n[    5.45] Kernel [OK] [Done] [mmcblk0] [Home] [a]');
  });

  it('is its last lines', () => {
    assert.equal(formatConsoleTail('1\n2\n3\n4', 2), '3\n4');
  });
});

describe('the tail of a Debian installer’s console', () => {
  it('leaves out the status line that screen keeps redrawing', () => {
    const bar = '\x1b[H\x1b[7m[           (1*installer)  2 shell  3 shell  4- log           ][ Nov 23  1:18 ]';
    assert.equal(
      formatConsoleTail(`Detecting network hardware  ... 2%${bar}\n${bar}\nConfiguring the network\n`),
      'Detecting network hardware  ... 2%\nConfiguring the network',
    );
  });

  it('leaves it out as Nova hands it on', () => {
    const bar =
      '[H[7m[m[32m[40m[           [37m[31m ([37m1*installer[31m)[37m  2 shell  3 shell  4- log           [32m][[34m Nov 24 [37m 2:54 [32m]';
    assert.equal(formatConsoleTail(`Loading  ... 20%${bar}[9;52H[0m... 32%\n${bar}\n`), 'Loading  ... 20%... 32%');
  });
});

describe('a console', () => {
  it('says that the system is installed when the stock script’s last line has written so', () => {
    assert(saysInstalled('Running late command\r\n\x1b[0mIMAGEFACTORY-INSTALLED\r\n[  61.3] reboot: Power down\n'));
  });

  it('says so as Nova hands it on', () => {
    assert(saysInstalled('Running late command[10B[0m\n[22A[0mIMAGEFACTORY-INSTALLED\n'));
  });

  it('does not where the line is only quoted', () => {
    const quoted = 'start: subiquity/Late/run/command_2: echo IMAGEFACTORY-INSTALLED >/dev/console\n';
    assert(!saysInstalled(quoted));
    assert(!saysInstalled(''));
  });
});
