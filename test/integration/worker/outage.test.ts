import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from '../../../src/cli/cli.js';
import { freePort, TemporalProcess } from '../../support/temporal-process.js';
import { until } from '../../support/until.js';
import { startWorkerCommand, type WorkerCommand } from '../../support/worker-command.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

const TEMPLATE = `<template><name>f19</name><os><name>Fedora</name><version>19</version><arch>x86_64</arch>
<install type='url'><url>http://download.example.org/os</url></install></os></template>`;
/** Milliseconds within which a probe of a service manager must see the outage, or its end. */
const SOON = 30_000;

type Entry = { msg: string; level: number; error?: unknown } & Record<string, unknown>;

describe('a worker and the addresses that it uses', { timeout: 300_000 }, () => {
  let temporal: TemporalProcess;
  const directory = mkdtempSync(join(tmpdir(), 'imagefactory-outage-'));
  const children: ChildProcess[] = [];

  before(async () => {
    temporal = await TemporalProcess.start();
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await temporal.close();
    rmSync(directory, { recursive: true });
  });

  function startWorker(args: string[], env: Record<string, string> = {}): WorkerCommand {
    const cloud = { OS_AUTH_URL: 'http://127.0.0.1:1/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PROJECT_NAME: 'p' };
    const worker = startWorkerCommand(directory, args, { ...cloud, TEMPORAL_ADDRESS: temporal.address, ...env });
    children.push(worker.child);
    return worker;
  }

  it('says in its log who it is, what it builds, and one line about an outage; its health is that of Temporal', async () => {
    const port = await freePort();
    const { child, ended, said } = startWorker(['--health-address', `127.0.0.1:${port}`, '--log-format', 'json']);
    const readLog = (): Entry[] =>
      said()
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Entry]));
    const health = async (): Promise<number> =>
      fetch(`http://127.0.0.1:${port}`).then(
        ({ status }) => status,
        () => 0,
      );
    const becomes = async (status: number): Promise<void> => {
      const signal = AbortSignal.timeout(SOON);
      await until(async () => (await health()) === status, `health ${status}`, signal);
    };
    await becomes(200);
    // The SDK collects log entries for a moment before it writes them.
    const logged = (msg: RegExp): Promise<Entry> => {
      const find = (): Entry | undefined => readLog().find((entry) => msg.test(entry.msg));
      return until(find, String(msg), AbortSignal.timeout(SOON));
    };
    const start = await logged(/^The worker starts$/);
    assert.match(String(start['release']), /^\d+\.\d+/);
    assert.equal(start['temporal'], temporal.address);
    assert.equal(start['namespace'], 'default');
    assert.deepEqual(start['taskQueues'], [
      'imagefactory',
      'imagefactory-wait',
      'imagefactory-transfer',
      'imagefactory-convert',
    ]);
    assert.deepEqual(start['clouds'], ['envvars']);
    assert.equal(start['store'], join(directory, 'store'));

    const template = join(directory, 'f19.tdl');
    writeFileSync(template, TEMPLATE);
    const io = new RecordingIo({ TEMPORAL_ADDRESS: temporal.address });
    assert.equal(await run(['base_image', '--parameter', 'flavor', '2', '--cloud', 'nowhere', template], io), 1);
    const end = await logged(/^Build ended without an image$/);
    assert.match(String(end['build']), /^[0-9a-f-]{36}$/);
    assert.match(String(end.error), /there is no cloud nowhere/);
    const ofBuild = readLog().filter(({ build }) => build === end['build']);
    const count = (msg: string): number => ofBuild.filter((entry) => entry.msg === msg).length;
    assert.deepEqual([count('Build begun'), count('Step failed'), count('Step done')], [1, 1, 1]);

    const before = readLog().length;
    await temporal.kill();
    await becomes(503);
    // The SDK's pollers log each of their tries from the sixth on, after some seconds.
    await pause(15_000);
    await temporal.up();
    await becomes(200);
    await logged(/^Temporal answers again after \d+ s$/);
    const outage = readLog().slice(before);
    const messages = outage.map(({ msg }) => msg);
    assert.equal(messages.filter((msg) => msg.startsWith('Temporal does not answer at')).length, 1);
    assert.equal(messages.filter((msg) => msg.startsWith('Temporal answers again')).length, 1);
    assert.ok(outage.length < 8, messages.join('\n'));
    for (const { error } of readLog()) assert.ok(error === undefined || typeof error === 'string', String(error));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });

  it('polls only the task queues that it was given, and stops like any other', async () => {
    for (const [lanes, taskQueues] of [
      ['convert', ['imagefactory-convert']],
      ['control', ['imagefactory']],
    ] as const) {
      const { child, ended, said } = startWorker(['--lanes', lanes, '--log-format', 'json']);
      const start = await until(
        () =>
          said()
            .split('\n')
            .find((line) => line.includes('The worker starts')),
        'the worker starts',
      );
      assert.deepEqual((JSON.parse(start) as Entry)['taskQueues'], taskQueues);
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null], said());
    }
  });

  it('ends with one sentence when an address, the namespace or a cloud cannot be used', async () => {
    // It does not keep the process from ending when an assertion fails.
    const other = createServer().listen(0, '127.0.0.1').unref();
    await once(other, 'listening');
    const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    for (const [args, code, says, namespace = 'default'] of [
      [
        ['--health-address', taken],
        2,
        /^imagefactory: --health-address: cannot listen at .*: another program uses this/,
      ],
      [['--metrics-address', taken], 2, /^imagefactory: --metrics-address: cannot listen at .*: another program uses/],
      [['--health-address', 'here'], 2, /^imagefactory: --health-address: "here" is not an address/],
      [['--lanes', 'control,conversion'], 2, /^imagefactory: --lanes: "conversion" is no task queue: the names are/],
      [['--serve-cloud', 'x'], 1, /^imagefactory: there is no cloud x: the configured clouds are envvars/],
      [[], 1, /^imagefactory: Temporal at .*, namespace nope: Namespace nope is not found/, 'nope'],
    ] as const) {
      const { ended, said } = startWorker([...args], { TEMPORAL_NAMESPACE: namespace });
      assert.deepEqual(await ended, [code, null], args.join(' '));
      assert.match(said(), says);
      assert.ok(said().trim().split('\n').length <= 2, said());
    }
    other.close();
  });
});
