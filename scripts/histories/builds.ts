import type { Activities } from '../../src/activities/index.js';
import type { QueueNotice } from '../../src/domain/create-queue.js';
import { QUEUE_NOTICE_SIGNAL, SET_DEADLINE_UPDATE } from '../../src/domain/messages.js';
import { parked } from '../../test/support/stubs.js';
import { held } from './held-builds.js';
import { broken, build, type Scenario } from './scenario.js';

/** A build that somebody cancels while it is in this activity. */
function canceledIn(name: string, activity: keyof Activities): Scenario {
  const wait = parked();
  return build(name, {
    activities: { [activity]: wait.activity },
    act: async (handle) => {
      await wait.entered;
      await handle.cancel();
    },
  });
}

function deadlineChanged(): Scenario {
  const wait = parked();
  let waits = 0;
  return build('deadline-changed', {
    activities: { waitForSsh: () => (waits++ === 0 ? wait.activity() : Promise.resolve()) },
    act: async (handle) => {
      await wait.entered;
      await handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [{ name: 'boot_timeout', seconds: 90 }] });
    },
  });
}

/** A build that must wait in its project's line, and hears what the line has to say. */
function inLine(name: string, ...told: QueueNotice[]): Scenario {
  let asked = (): void => {};
  const asking = new Promise<void>((resolve) => (asked = resolve));
  let tries = 0;
  return build(name, {
    activities: {
      createServer: async () => {
        asked();
        return tries++ === 0 ? { position: { state: 'waiting', position: 2, of: 2 } } : { serverId: 's', slot: true };
      },
    },
    act: async (handle) => {
      await asking;
      for (const news of told) await handle.signal<[QueueNotice]>(QUEUE_NOTICE_SIGNAL, news);
    },
  });
}

/** A failed build that somebody has reset, in Temporal's UI for instance, to before the step that failed. */
function reset(): Scenario {
  let tries = 0;
  return build('reset', {
    activities: { runTemplateStep: () => (tries++ === 0 ? broken() : Promise.resolve()) },
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

/** Every way that a base image build can go. */
export function builds(): Scenario[] {
  return [
    build('complete'),
    build('downloaded', { parameters: { download: true, generate_icicle: false } }),
    build('failed', { activities: { runTemplateStep: broken } }),
    build('failed-plan', { activities: { planBaseImage: broken } }),
    build('failed-jeos', { activities: { waitForJeos: broken } }),
    build('failed-publish', { activities: { publishBaseImage: broken } }),
    build('failed-terminate', { activities: { deleteServer: broken } }),
    build('failed-cleanup', { activities: { removeResources: broken } }),
    build('failed-record', { activities: { writeFinalRecord: broken } }),
    canceledIn('canceled-plan', 'planBaseImage'),
    canceledIn('canceled', 'waitForJeos'),
    canceledIn('canceled-customise', 'runTemplateStep'),
    canceledIn('canceled-publish', 'snapshotServer'),
    build('timed-out', { parameters: { timeout: 1 }, activities: { waitForSsh: parked().activity } }),
    deadlineChanged(),
    inLine(
      'in-line',
      { state: 'waiting', position: 1, of: 1, reason: 'quota: instances 10/10' },
      { state: 'turn', alone: true, slot: true, reason: 'quota: instances 10/10' },
    ),
    inLine('in-line-expelled', { state: 'expelled', reason: 'quota: instances 10/10' }),
    ...held(),
    build('kept', { parameters: { on_error: 'keep' }, activities: { runTemplateStep: broken } }),
    build('kept-failed', {
      parameters: { on_error: 'keep' },
      activities: { runTemplateStep: broken, keepResources: broken },
    }),
    build('resumed', { input: { resumed: { from: 'command:1' } } }),
    build('resumed-anything', { input: { resumed: {} } }),
    build('resumed-customise', { input: { resumed: { from: 'customise' } } }),
    build('resumed-jeos', { input: { resumed: { from: 'jeos' } } }),
    build('resumed-nowhere', { input: { resumed: { from: 'nowhere' } } }),
    build('resumed-snapshot', {
      input: { resumed: {} },
      activities: { findResumePoint: async () => ({ snapshotOf: { serverId: 's', packages: 3 } }) },
    }),
    reset(),
  ];
}
