import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Context } from '@temporalio/activity';
import type { WorkflowFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { FactoryError } from '../../../src/domain/errors.js';
import type { BaseImageInput } from '../../../src/domain/base-image-input.js';
import { workflowIdFor } from '../../../src/domain/image-kinds.js';
import {
  RESUME_UPDATE,
  SET_DEADLINE_UPDATE,
  STATUS_QUERY,
  WORKFLOWS,
  type BaseImageResult,
} from '../../../src/domain/messages.js';
import type { BuildStatus } from '../../../src/domain/status.js';
import { inputOf, JEOS_INPUT, parked, stubs } from '../../support/stubs.js';
import { startTemporal, withWorkers } from '../../support/temporal.js';
import { until } from '../../support/until.js';
import type { WaitForPowerOffInput } from '../../../src/activities/installer/wait-for-power-off.js';
import type { WriteFinalRecordInput } from '../../../src/activities/records/write-final-record.js';

/** Returns a check for `assert.rejects`: the workflow has rejected an update with this message. */
function rejection(message: RegExp): (error: Error) => boolean {
  return ({ cause }) => cause instanceof ApplicationFailure && message.test(cause.message);
}

describe('the base image workflow', () => {
  let environment: TestWorkflowEnvironment;
  before(async () => {
    environment = await startTemporal();
  });
  after(() => environment.teardown());

  function start(
    taskQueue: string,
    input: BaseImageInput,
  ): Promise<WorkflowHandle<(i: BaseImageInput) => Promise<BaseImageResult>>> {
    return environment.client.workflow.start<(i: BaseImageInput) => Promise<BaseImageResult>>(WORKFLOWS.baseImage, {
      taskQueue,
      workflowId: workflowIdFor('base_image', input.uuid),
      args: [input],
    });
  }

  it('goes through the article’s steps in order and ends COMPLETE', async () => {
    const calls: string[] = [];
    const records: WriteFinalRecordInput[] = [];
    const input = inputOf();
    await withWorkers(environment, 'order', stubs(calls, records), async () => {
      const handle = await start('order', input);
      const result = await handle.result();
      assert.equal(result.glanceId, 'base-image');
      const status = await handle.query<BuildStatus>(STATUS_QUERY);
      assert.equal(status.status, 'COMPLETE');
      assert.equal(status.percent, 100);
      assert.ok(status.steps.every((step) => step.state === 'done'));
      const { historyLength } = await handle.describe();
      assert.ok(historyLength <= 140, `${historyLength} events`);
    });
    assert.deepEqual(calls.slice(0, 12), [
      'plan',
      'jeos',
      'access',
      'server',
      'address',
      'ssh',
      'step',
      'step',
      'icicle',
      'clean',
      'shutdown',
      'snapshot',
    ]);
    assert.deepEqual(calls.slice(12, 14).sort(), ['delete', 'publish']);
    assert.deepEqual(calls.slice(14), ['cleanup']);
    assert.equal(records[0]?.status, 'COMPLETE');
  });

  it('fails with the step, the message of the failure and its hint, after the clean-up', async () => {
    const calls: string[] = [];
    const records: WriteFinalRecordInput[] = [];
    const input = inputOf();
    const activities = {
      ...stubs(calls, records),
      runTemplateStep: async () => {
        throw new FactoryError('CommandFailed', 'install the packages: ended with exit status 100', {
          hint: 'correct it',
        });
      },
    };
    await withWorkers(environment, 'fails', activities, async () => {
      const handle = await start('fails', input);
      await assert.rejects(handle.result(), (error: WorkflowFailedError) => {
        assert.ok(error.cause instanceof ApplicationFailure);
        assert.equal(error.cause.type, 'CommandFailed');
        assert.equal(error.cause.message, 'packages: install the packages: ended with exit status 100');
        return true;
      });
      const status = await handle.query<BuildStatus>(STATUS_QUERY);
      assert.equal(status.failure?.hint, 'correct it');
    });
    assert.equal(calls.at(-1), 'cleanup');
    assert.equal(records[0]?.status, 'FAILED');
  });

  it('cleans up and ends as cancelled when it is cancelled', async () => {
    const calls: string[] = [];
    const records: WriteFinalRecordInput[] = [];
    const wait = parked();
    const input = inputOf();
    await withWorkers(environment, 'cancel', { ...stubs(calls, records), waitForSsh: wait.activity }, async () => {
      const handle = await start('cancel', input);
      await wait.entered;
      await handle.cancel();
      await assert.rejects(handle.result(), (error: WorkflowFailedError) => error.cause instanceof CancelledFailure);
    });
    assert.equal(calls.at(-1), 'cleanup');
    assert.equal(records[0]?.status, 'CANCELED');
  });

  it('fails when the whole build’s timeout is over, and says so', async () => {
    const calls: string[] = [];
    const input = inputOf({ timeout: 1 });
    await withWorkers(environment, 'timeout', { ...stubs(calls), waitForSsh: parked().activity }, async () => {
      const handle = await start('timeout', input);
      await assert.rejects(handle.result(), (error: WorkflowFailedError) => {
        assert.match(String(error.cause?.message), /within its timeout of 1 s/);
        return true;
      });
    });
    assert.equal(calls.at(-1), 'cleanup');
  });

  it('starts a wait again when its deadline is changed, and refuses an unknown deadline', async () => {
    const calls: string[] = [];
    const deadlines: number[] = [];
    const first = parked();
    const input = inputOf({ boot_timeout: 50 });
    const waitForSsh = async (given: { deadline: number }): Promise<void> => {
      deadlines.push(given.deadline);
      if (deadlines.length === 1) await first.activity();
    };
    await withWorkers(environment, 'deadline', { ...stubs(calls), waitForSsh }, async () => {
      const handle = await start('deadline', input);
      await first.entered;
      await assert.rejects(handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [{ name: 'tea_time', seconds: 5 }] }));
      await handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [{ name: 'boot_timeout', seconds: 90 }] });
      await handle.result();
    });
    assert.equal(deadlines.length, 2);
    assert.equal((deadlines[1] ?? 0) - (deadlines[0] ?? 0), 40_000);
  });

  it('is complete although its instance could not be terminated, and leaves that to the clean-up', async () => {
    const calls: string[] = [];
    const records: WriteFinalRecordInput[] = [];
    const budgets: number[] = [];
    const deleteServer = async () => {
      budgets.push(Context.current().info.scheduleToCloseTimeoutMs);
      throw ApplicationFailure.nonRetryable('nova: 500 Unexpected API Error', 'CloudFault');
    };
    await withWorkers(environment, 'undeleted', { ...stubs(calls, records), deleteServer }, async () => {
      const handle = await start('undeleted', inputOf());
      const result = await handle.result();
      assert.equal(result.glanceId, 'base-image');
      const { steps } = await handle.query<BuildStatus>(STATUS_QUERY);
      const skipped = steps.filter(({ state }) => state === 'skipped');
      assert.deepEqual(
        skipped.map(({ title, note }) => [title, note]),
        [['terminate the instance', 'nova: 500 Unexpected API Error']],
      );
    });
    assert.ok(calls.includes('publish'));
    assert.equal(calls.at(-1), 'cleanup');
    assert.equal(records[0]?.status, 'COMPLETE');
    assert.deepEqual(budgets, [600_000], 'the time limit of deleteServer must be shorter than the build’s timeout');
  });

  it('says, when a build was held before, what has been decided; and names the timers of holds', async () => {
    const again = parked();
    let tries = 0;
    const runTemplateStep = async (): Promise<void> => {
      if (tries++ > 0) await again.activity();
      throw ApplicationFailure.nonRetryable('exit status 3', 'CommandFailed');
    };
    await withWorkers(environment, 'decided', { ...stubs([]), runTemplateStep }, async () => {
      const handle = await start('decided', inputOf({ on_error: 'hold' }));
      const request = () => handle.executeUpdate(RESUME_UPDATE, { args: [{ action: 'retry' }] });
      await assert.rejects(request(), rejection(/^the build is not held, so it cannot be resumed$/));
      const held = async () => (await handle.query<BuildStatus>(STATUS_QUERY)).status === 'HELD';
      await until(held, 'the build is held');
      assert.equal(await request(), 'packages runs again');
      await again.entered;
      await assert.rejects(request(), rejection(/^the build is not held any more, .* is over: packages runs again$/));
      await handle.cancel();
      await assert.rejects(handle.result());
      const { events } = await handle.fetchHistory();
      const timers = (events ?? []).filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes);
      const summaries = timers.map(({ userMetadata }) => String(userMetadata?.summary?.data));
      assert.deepEqual(summaries.sort(), [
        '"held: wait for a decision about packages"',
        '"the build’s timeout of 14400 s"',
      ]);
    });
  });

  it('reports what the clean-up could not remove', async () => {
    const input = inputOf();
    const removeResources = async () => ({ removed: [], leftovers: ['instance s: 403 Forbidden'] });
    await withWorkers(environment, 'left', { ...stubs([]), removeResources }, async () => {
      const handle = await start('left', input);
      await handle.result();
      const status = await handle.query<BuildStatus>(STATUS_QUERY);
      assert.deepEqual(status.leftovers, ['instance s: 403 Forbidden']);
    });
  });

  it('cancels the installer run when the last build leaves it, and not before', async () => {
    const calls: string[] = [];
    const wait = parked();
    const asked: WaitForPowerOffInput[] = [];
    const waitForPowerOff = async (given: WaitForPowerOffInput): Promise<never> => {
      asked.push(given);
      return wait.activity();
    };
    await withWorkers(environment, 'jeos', { ...stubs(calls), waitForPowerOff }, async () => {
      const { client } = environment;
      const handle = await client.workflow.signalWithStart(WORKFLOWS.jeosImage, {
        workflowId: 'jeos-here-1',
        taskQueue: 'jeos',
        signal: 'join',
        signalArgs: ['build-1'],
        args: [JEOS_INPUT],
      });
      await wait.entered;
      await handle.signal('join', 'build-2');
      await handle.signal('leave', 'build-1');
      assert.equal((await handle.describe()).status.name, 'RUNNING');
      await handle.signal('leave', 'build-2');
      await assert.rejects(handle.result(), (error: WorkflowFailedError) => error.cause instanceof CancelledFailure);
    });
    assert.equal(asked[0]?.inactivityTimeout, 30);
    assert.deepEqual(calls, ['media', 'boot-image', 'server', 'cleanup']);
  });
});
