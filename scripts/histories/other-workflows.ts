import { setTimeout as delay } from 'node:timers/promises';
import type { Activities } from '../../src/activities/index.js';
import type { BoundedPlan } from '../../src/activities/sweep/plan-sweep.js';
import type { QueueMember, TurnOutcome } from '../../src/domain/create-queue.js';
import {
  JEOS_JOIN_SIGNAL,
  JEOS_LEAVE_SIGNAL,
  QUEUE_TURN_FINISHED_SIGNAL,
  QUEUE_JOIN_SIGNAL,
  QUEUE_LEAVE_SIGNAL,
  QUEUE_SHORTAGE_SIGNAL,
  QUEUE_TURN_QUERY,
  SET_DEADLINE_UPDATE,
  type CreateQueueInput,
  type SweepInput,
} from '../../src/domain/messages.js';
import type { FoundResource } from '../../src/domain/sweep-rules.js';
import { JEOS_INPUT, parked } from '../../test/support/stubs.js';
import { broken, type Scenario } from './scenario.js';

/** An installer's run that one build has started. */
function jeos(name: string, activities: Partial<Activities> = {}, act?: Scenario['act']): Scenario {
  return {
    name,
    workflow: 'jeosImage',
    input: { ...JEOS_INPUT, heartbeatTimeout: 4 },
    signal: { name: JEOS_JOIN_SIGNAL, args: ['build-1'] },
    activities,
    ...(act === undefined ? {} : { act }),
  };
}

/** Every way that an installer's run can go. */
export function jeosRuns(): Scenario[] {
  const left = parked();
  const awaited = parked();
  let waits = 0;
  const off = { seconds: 1, consoleTail: 'reboot: Power down' };
  return [
    jeos('jeos-complete'),
    jeos('jeos-failed', { waitForPowerOff: broken }),
    jeos('jeos-failed-publish', { publishJeos: broken }),
    jeos('jeos-canceled', { waitForPowerOff: left.activity }, async (handle) => {
      await left.entered;
      await handle.signal(JEOS_LEAVE_SIGNAL, 'build-1');
    }),
    // One of two builds leaves, and the other's deadline is changed: the run goes on.
    jeos(
      'jeos-deadline-changed',
      { waitForPowerOff: () => (waits++ === 0 ? awaited.activity() : Promise.resolve(off)) },
      async (handle) => {
        await awaited.entered;
        await handle.signal(JEOS_JOIN_SIGNAL, 'build-2');
        await handle.signal(JEOS_LEAVE_SIGNAL, 'build-1');
        await handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [{ name: 'inactivity_timeout', seconds: 90 }] });
      },
    ),
  ];
}

function member(id: string): QueueMember {
  return { id, since: 0, timeout: 3600 };
}

/** The line of a project, with room for one: who comes second waits, and is told; the installer's run there has ended. */
export function lines(): Scenario[] {
  const input: CreateQueueInput = { checkEvery: 1, heartbeatTimeout: 4 };
  return [
    {
      name: 'line',
      workflow: 'createQueue',
      input,
      signal: { name: QUEUE_JOIN_SIGNAL, args: [member('first'), false, 1] },
      activities: { findEndedWorkflows: async () => ({ ended: ['first'], at: Date.now() }) },
      act: async (handle) => {
        await handle.signal<[QueueMember, boolean, number]>(QUEUE_JOIN_SIGNAL, member('line-turned'), false, 1);
        await handle.signal<[string, string, number]>(
          QUEUE_SHORTAGE_SIGNAL,
          'first',
          'quota: instances 10/10',
          Date.now(),
        );
        await handle.signal<[string, TurnOutcome, number]>(QUEUE_TURN_FINISHED_SIGNAL, 'first', 'waited', Date.now());
        await handle.signal<[string]>(QUEUE_LEAVE_SIGNAL, 'line-turned');
        while ((await handle.query<unknown, [string]>(QUEUE_TURN_QUERY, 'first')) !== null) await delay(100);
        await handle.terminate('recorded');
      },
    },
  ];
}

function sweep(name: string, activities: Partial<Activities> = {}, given: Partial<SweepInput> = {}): Scenario {
  const thing: FoundResource = { kind: 'image', id: 'i', name: 'imagefactory-boot', workflows: [], created: 0 };
  const planSweep = async (): Promise<BoundedPlan> => ({
    removals: [{ workflows: [], things: [thing], why: 'its build has ended' }],
    kept: [],
    unnamed: 0,
    postponed: 0,
  });
  const limits = { olderThan: 86_400, jeosKeep: 10, unusedFor: 2_592_000 };
  const input: SweepInput = { clouds: ['here'], limits, dryRun: false, ...given };
  return { name, workflow: 'sweep', input, activities: { planSweep, ...activities } };
}

/** Every way that a sweep can go. */
export function sweeps(): Scenario[] {
  const wait = parked();
  return [
    sweep('sweep'),
    sweep('sweep-dry-run', {}, { dryRun: true }),
    sweep('sweep-failed', { planSweep: broken }, { clouds: ['here', 'there'] }),
    sweep('sweep-failed-removal', { removeLeftovers: broken }),
    {
      ...sweep('sweep-canceled', { removeLeftovers: wait.activity }),
      act: async (handle) => {
        await wait.entered;
        await handle.cancel();
      },
    },
  ];
}

/** What clients have a worker do for them. */
export function errands(): Scenario[] {
  return [
    { name: 'delete-image', workflow: 'deleteImage', input: { uuid: 'u' } },
    {
      name: 'read-remains',
      workflow: 'readResumePoint',
      input: { ref: { uuid: 'u', cloud: 'here', workflowId: 'base_image-u' } },
    },
    { name: 'read-records', workflow: 'readRecords', input: { spec: {} } },
  ];
}
