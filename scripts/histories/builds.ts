import type { Activities } from '../../src/activities/index.js';
import type { QueueNotice } from '../../src/domain/create-queue.js';
import { QUEUE_NOTICE_SIGNAL, SET_DEADLINE_UPDATE } from '../../src/domain/messages.js';
import { parked } from '../../test/support/stubs.js';
import { listHeldBuilds } from './held-builds.js';
import { fail, createBuild, type Scenario } from './scenario.js';

/** Creates the scenario of a build that is cancelled during this activity. */
function createCanceled(name: string, activity: keyof Activities): Scenario {
  const wait = parked();
  return createBuild(name, {
    activities: { [activity]: wait.activity },
    act: async (handle) => {
      await wait.entered;
      await handle.cancel();
    },
  });
}

function createDeadlineChange(): Scenario {
  const wait = parked();
  let waits = 0;
  return createBuild('deadline-changed', {
    activities: { waitForSsh: () => (waits++ === 0 ? wait.activity() : Promise.resolve()) },
    act: async (handle) => {
      await wait.entered;
      await handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [{ name: 'boot_timeout', seconds: 90 }] });
    },
  });
}

/**
 * Creates the scenario of a build that waits in the create queue of its project. The queue sends it the given notices.
 */
function createQueued(name: string, ...notices: QueueNotice[]): Scenario {
  let onRequest = (): void => {};
  const requested = new Promise<void>((resolve) => (onRequest = resolve));
  let tries = 0;
  return createBuild(name, {
    activities: {
      createServer: async () => {
        onRequest();
        return tries++ === 0 ? { position: { state: 'waiting', position: 2, of: 2 } } : { serverId: 's', slot: true };
      },
    },
    act: async (handle) => {
      await requested;
      for (const notice of notices) await handle.signal<[QueueNotice]>(QUEUE_NOTICE_SIGNAL, notice);
    },
  });
}

/**
 * Creates the scenario of a build that has failed and is reset to the moment before its failed step. A user can do this
 * in Temporal's UI.
 */
function createReset(): Scenario {
  let tries = 0;
  return createBuild('reset', {
    activities: { runTemplateStep: () => (tries++ === 0 ? fail() : Promise.resolve()) },
    act: async (handle, { client }) => {
      await handle.result().catch(() => undefined);
      const { events } = await handle.fetchHistory();
      const step = events?.find(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'runTemplateStep',
      );
      const { runId } = await client.workflowService.resetWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId: handle.workflowId },
        reason: 'recorded',
        requestId: handle.workflowId,
        workflowTaskFinishEventId: step?.activityTaskScheduledEventAttributes?.workflowTaskCompletedEventId,
      });
      return client.workflow.getHandle(handle.workflowId, runId);
    },
  });
}

/** Lists one scenario for each way in which the build of a base image can go. */
export function listBuilds(): Scenario[] {
  return [
    createBuild('complete'),
    createBuild('downloaded', { parameters: { download: true, generate_icicle: false } }),
    createBuild('failed', { activities: { runTemplateStep: fail } }),
    createBuild('failed-plan', { activities: { planBaseImage: fail } }),
    createBuild('failed-jeos', { activities: { waitForJeos: fail } }),
    createBuild('failed-publish', { activities: { publishBaseImage: fail } }),
    createBuild('failed-terminate', { activities: { deleteServer: fail } }),
    createBuild('failed-cleanup', { activities: { removeResources: fail } }),
    createBuild('failed-record', { activities: { writeFinalRecord: fail } }),
    createCanceled('canceled-plan', 'planBaseImage'),
    createCanceled('canceled', 'waitForJeos'),
    createCanceled('canceled-customise', 'runTemplateStep'),
    createCanceled('canceled-publish', 'snapshotServer'),
    createBuild('timed-out', { parameters: { timeout: 1 }, activities: { waitForSsh: parked().activity } }),
    createDeadlineChange(),
    createQueued(
      'in-line',
      { state: 'waiting', position: 1, of: 1, reason: 'quota: instances 10/10' },
      { state: 'turn', alone: true, slot: true, reason: 'quota: instances 10/10' },
    ),
    createQueued('in-line-expelled', { state: 'expelled', reason: 'quota: instances 10/10' }),
    ...listHeldBuilds(),
    createBuild('kept', { parameters: { on_error: 'keep' }, activities: { runTemplateStep: fail } }),
    createBuild('kept-failed', {
      parameters: { on_error: 'keep' },
      activities: { runTemplateStep: fail, keepResources: fail },
    }),
    createBuild('resumed', { input: { resumed: { from: 'command:1' } } }),
    createBuild('resumed-anything', { input: { resumed: {} } }),
    createBuild('resumed-customise', { input: { resumed: { from: 'customise' } } }),
    createBuild('resumed-jeos', { input: { resumed: { from: 'jeos' } } }),
    createBuild('resumed-nowhere', { input: { resumed: { from: 'nowhere' } } }),
    createBuild('resumed-snapshot', {
      input: { resumed: {} },
      activities: { findResumePoint: async () => ({ snapshotOf: { serverId: 's', packages: 3 } }) },
    }),
    createReset(),
  ];
}
