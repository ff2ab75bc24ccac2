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
 * Creates a cloud whose installer machine is off at the read number `looks` (default 1, the first) and has an empty
 * console.
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

describe('an installer that no worker watched for an hour', () => {
  const HOUR = 3_600_000;

  it('does not count as silent before the worker has read its console again', async () => {
    const long = Date.now() - HOUR;
    const report = {
      message: '',
      resume: { began: long, lastLife: long, lookedAt: long, tail: 'on', traffic: undefined },
    };
    const deps = depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:02:10Z', looks: 2 });
    assert.equal((await wait(deps, report)).seconds, 130);
  });

  it('counts as silent when it was silent for the whole inactivity timeout before that hour', async () => {
    const long = Date.now() - HOUR;
    const silent = { began: long, lastLife: long - 60_000, lookedAt: long, tail: 'on', traffic: undefined };
    const deps = depsOf({ updated: '2026-11-28T10:02:10Z', looks: 2 });
    await assert.rejects(wait(deps, { message: '', resume: silent }), { type: 'InstallSilent' });
  });
});

describe('an installer that has powered off while no worker looked', () => {
  it('has succeeded when its machine was on for minutes', async () => {
    const end = await wait(depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:02:10Z' }));
    assert.equal(end.seconds, 130);
  });

  it('has succeeded when its machine was on for half a minute, as on a fast host', async () => {
    const end = await wait(depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:00:30Z' }));
    assert.equal(end.seconds, 30);
  });

  it('has failed when its machine was on for seconds only, however long ago', async () => {
    await assert.rejects(wait(depsOf({ launched: '2026-11-28T10:00:00.000000', updated: '2026-11-28T10:00:08Z' })), {
      type: 'InstallFailed',
      message: /was off after 8 s/,
    });
  });

  it('was on since the machine was created when the cloud has no launch time', async () => {
    assert.equal((await wait(depsOf({ updated: '2026-11-28T10:02:10Z' }))).seconds, 160);
  });
});

describe('the tail of a console', () => {
  it('is text without control sequences and empty lines, and with long lines cut', () => {
    const console = '\x1b[2J\x1b[1;31mred\x1b[0m\r\n\n\x07bell\n' + 'x'.repeat(500);
    assert.equal(formatConsoleTail(console), `red\nbell\n${'x'.repeat(199)}…`);
  });

  it('has no control sequences when Nova has removed their escape characters, and keeps text that only looks similar', () => {
    const console = '[0mred[22A[M[22B[m[10B[0m\n[H[7m[m\n[    5.45] Kernel [OK] [Done] [mmcblk0] [Home] [a]\n';
    assert.equal(formatConsoleTail(console), 'red\n[    5.45] Kernel [OK] [Done] [mmcblk0] [Home] [a]');
  });

  it('is the last lines of the console', () => {
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

  it('leaves the status line out when Nova has removed its escape characters', () => {
    const bar =
      '[H[7m[m[32m[40m[           [37m[31m ([37m1*installer[31m)[37m  2 shell  3 shell  4- log           [32m][[34m Nov 24 [37m 2:54 [32m]';
    assert.equal(formatConsoleTail(`Loading  ... 20%${bar}[9;52H[0m... 32%\n${bar}\n`), 'Loading  ... 20%... 32%');
  });
});

describe('a console', () => {
  it('says that the system is installed when the last line of the stock script has printed its mark', () => {
    assert(saysInstalled('Running late command\r\n\x1b[0mIMAGEFACTORY-INSTALLED\r\n[  61.3] reboot: Power down\n'));
  });

  it('says that the system is installed when Nova has removed the escape characters', () => {
    assert(saysInstalled('Running late command[10B[0m\n[22A[0mIMAGEFACTORY-INSTALLED\n'));
  });

  it('does not say that the system is installed when a command line only quotes the mark', () => {
    const quoted = 'start: subiquity/Late/run/command_2: echo IMAGEFACTORY-INSTALLED >/dev/console\n';
    assert(!saysInstalled(quoted));
    assert(!saysInstalled(''));
  });
});
