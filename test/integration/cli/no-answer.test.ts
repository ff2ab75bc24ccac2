import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { FactoryError } from '../../../src/domain/errors.js';
import { startTemporal, withWorkers } from '../../support/temporal.js';
import { until } from '../../support/until.js';
import { instantActivities, Parked } from './activities.js';
import { beginCommand, runCommand } from './run-command.js';

const TEMPLATE = `<template><name>f19</name><os><name>Fedora</name><version>19</version><arch>x86_64</arch>
<install type='url'><url>http://download.example.org/os</url></install></os></template>`;

describe('the command line when somebody does not answer', { timeout: 180_000 }, () => {
  let environment: TestWorkflowEnvironment;
  const directory = mkdtempSync(join(tmpdir(), 'imagefactory-no-answer-'));
  const template = join(directory, 'f19.tdl');
  writeFileSync(template, TEMPLATE);

  before(async () => {
    environment = await startTemporal();
  });
  after(async () => {
    await environment.teardown();
    rmSync(directory, { recursive: true });
  });

  const begin = (queue: string, ...args: string[]): ReturnType<typeof beginCommand> =>
    beginCommand(environment, queue, ...args);
  const finish = (queue: string, ...args: string[]): ReturnType<typeof runCommand> =>
    runCommand(environment, queue, ...args);

  async function startBuild(queue: string): Promise<string> {
    return (await finish(queue, 'base_image', '--detach', '--parameter', 'flavor', '2', template)).stdout.trim();
  }

  it('status and watch show a step that is tried again, with the reason', async () => {
    let mayPass = false;
    const planBaseImage = async (): Promise<void> => {
      if (mayPass) return;
      throw new FactoryError('CloudUnavailable', 'the cloud answers 503', { retryable: true, hint: 'wait' });
    };
    await withWorkers(environment, 'retry', instantActivities({ planBaseImage }), async () => {
      const uuid = await startBuild('retry');
      const { io, ended } = begin('retry', 'watch', uuid);
      await io.seen(/after: the cloud answers 503/);
      const seen = await finish('retry', 'status', uuid);
      assert.equal(seen.code, 0, seen.stderr);
      assert.match(seen.stdout, /attempt \d+\)? after: the cloud answers 503/);
      assert.equal((await finish('retry', '--output', 'json', 'status', uuid)).code, 0);
      mayPass = true;
      assert.equal(await ended, 0, io.stderr);
    });
  });

  it('says at once that no worker polls, also when the last one has just stopped', async () => {
    const parked = new Parked('waiting for quota: cores');
    const uuid = await withWorkers(
      environment,
      'stopped',
      instantActivities({ waitForJeos: parked.activity }),
      async () => {
        const started = await startBuild('stopped');
        const { io, ended } = begin('stopped', 'watch', started);
        await io.seen(/waiting for quota/);
        io.interrupt();
        await ended;
        // A worker that stops waits for its activities, so we let the activity end.
        parked.release();
        return started;
      },
      // The build waits for a worker, because the worker stops before the build can go on.
      { shutdownGraceTime: '1ms' },
    );
    const begun = Date.now();
    const [images, status] = await Promise.all([finish('stopped', 'images'), finish('stopped', 'status', uuid)]);
    assert.ok(Date.now() - begun < 30_000, `${Date.now() - begun} ms`);
    assert.equal(images.code, 1);
    assert.match(images.stderr, /no worker polls the task queue "stopped"\n.*imagefactory worker/);
    assert.equal(status.code, 0);
    assert.match(status.stdout, /no worker polls the task queue "stopped", so the build waits/);
    const deadline = await finish('stopped', 'deadline', uuid, 'boot_timeout', '99');
    assert.match(deadline.stderr, /no worker polls the task queue "stopped"/);
  });

  it('says that a build has ended, and not that there is none', async () => {
    await withWorkers(environment, 'ended', instantActivities(), async () => {
      const uuid = await startBuild('ended');
      assert.equal((await finish('ended', 'watch', uuid)).code, 0);
      const { code, stderr } = await finish('ended', 'deadline', uuid, 'boot_timeout', '99');
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`build ${uuid} has ended\n.*imagefactory status ${uuid}`));
    });
  });

  it('says that somebody has ended the workflow that reads the records', async () => {
    const parked = new Parked('reading');
    const { workflow } = environment.client;
    const activities = instantActivities({ readRecords: parked.activity });
    await withWorkers(environment, 'records', activities, async () => {
      for (const end of ['terminate', 'cancel'] as const) {
        const { io, ended } = begin('records', 'images');
        const findIds = async (): Promise<string[]> => {
          const query = 'TaskQueue = "records" AND WorkflowType = "readRecords" AND ExecutionStatus = "Running"';
          const ids: string[] = [];
          for await (const { workflowId } of workflow.list({ query })) ids.push(workflowId);
          return ids;
        };
        await until(async () => (await findIds()).length > 0, 'the workflow runs');
        const handle = workflow.getHandle((await findIds())[0] ?? '');
        await (end === 'terminate' ? handle.terminate('enough') : handle.cancel());
        assert.equal(await ended, 1);
        assert.match(io.stderr, end === 'terminate' ? /has terminated the workflow .*: enough/ : /has cancelled/);
      }
      parked.release();
    });
  });
});
