import { setTimeout as delay } from 'node:timers/promises';
import type { Activities } from '../../src/activities/index.js';
import type { BoundedPlan } from '../../src/activities/sweep/plan-sweep.js';
import type { QueueMember, TurnOutcome } from '../../src/domain/create-queue.js';
import {
  ANSWER_UPDATE,
  JOIN_SIGNAL,
  LEAVE_SIGNAL,
  QUEUE_TURN_FINISHED_SIGNAL,
  QUEUE_JOIN_SIGNAL,
  QUEUE_LEAVE_SIGNAL,
  QUEUE_SHORTAGE_SIGNAL,
  QUEUE_TURN_QUERY,
  SET_DEADLINE_UPDATE,
  type CreateQueueInput,
} from '../../src/domain/messages.js';
import type { SweepInput } from '../../src/domain/sweep-report.js';
import type { FoundResource } from '../../src/domain/sweep.js';
import { JEOS_INPUT, parked } from '../../test/support/stubs.js';
import { fail, failAtFirst, type Scenario } from './scenario.js';

/** Creates the scenario of an installer run that the build `build-1` has started. `act` sends requests to the run. */
function createJeos(name: string, activities: Partial<Activities> = {}, act?: Scenario['act']): Scenario {
  return {
    name,
    workflow: 'jeosImage',
    input: { ...JEOS_INPUT, heartbeatTimeout: 4 },
    signal: { name: JOIN_SIGNAL, args: ['build-1'] },
    activities,
    ...(act === undefined ? {} : { act }),
  };
}

/** Lists one scenario for each way in which an installer run can go. */
export function listJeosRuns(): Scenario[] {
  const left = parked();
  const awaited = parked();
  let waits = 0;
  const off = { seconds: 1, consoleTail: 'reboot: Power down' };
  return [
    createJeos('jeos-complete'),
    createJeos('jeos-failed', { waitForPowerOff: fail }),
    createJeos('jeos-failed-publish', { publishJeos: fail }),
    createJeos('jeos-canceled', { waitForPowerOff: left.activity }, async (handle) => {
      await left.entered;
      await handle.signal(LEAVE_SIGNAL, 'build-1');
    }),
    // One of two builds leaves the installer run, and a client changes a deadline of the run for the other build. The
    // run continues.
    createJeos(
      'jeos-deadline-changed',
      { waitForPowerOff: () => (waits++ === 0 ? awaited.activity() : Promise.resolve(off)) },
      async (handle) => {
        await awaited.entered;
        await handle.signal(JOIN_SIGNAL, 'build-2');
        await handle.signal(LEAVE_SIGNAL, 'build-1');
        await handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [{ name: 'inactivity_timeout', seconds: 90 }] });
      },
    ),
  ];
}

function createMember(id: string): QueueMember {
  return { id, since: 0, timeout: 3600 };
}

/**
 * Lists the scenario of a create queue of a project with room for one instance. The second member waits until the first
 * member has ended, and then gets its turn.
 */
export function listCreateQueues(): Scenario[] {
  const input: CreateQueueInput = { checkEvery: 1, heartbeatTimeout: 4 };
  return [
    {
      name: 'line',
      workflow: 'createQueue',
      input,
      signal: { name: QUEUE_JOIN_SIGNAL, args: [createMember('first'), false, 1] },
      activities: { findEndedWorkflows: async () => ({ ended: ['first'], at: Date.now() }) },
      act: async (handle) => {
        await handle.signal<[QueueMember, boolean, number]>(QUEUE_JOIN_SIGNAL, createMember('line-turned'), false, 1);
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

function createSweep(name: string, activities: Partial<Activities> = {}, given: Partial<SweepInput> = {}): Scenario {
  const resource: FoundResource = { kind: 'image', id: 'i', name: 'imagefactory-boot', workflows: [], created: 0 };
  const planSweep = async (): Promise<BoundedPlan> => ({
    removals: [{ workflows: [], resources: [resource], why: 'its build has ended' }],
    kept: [],
    unnamed: 0,
    postponed: 0,
  });
  const limits = { olderThan: 86_400, jeosKeep: 10, unusedFor: 2_592_000 };
  const input: SweepInput = { clouds: ['here'], limits, dryRun: false, ...given };
  return { name, workflow: 'sweep', input, activities: { planSweep, ...activities } };
}

/** Lists one scenario for each way in which a sweep can go. */
export function listSweeps(): Scenario[] {
  const wait = parked();
  return [
    createSweep('sweep'),
    createSweep('sweep-dry-run', {}, { dryRun: true }),
    createSweep('sweep-providers', { sweepProvider: failAtFirst([]) }, { providers: ['one', 'two'] }),
    createSweep('sweep-failed', { planSweep: fail }, { clouds: ['here', 'there'] }),
    createSweep('sweep-failed-removal', { removeLeftovers: fail }),
    {
      ...createSweep('sweep-canceled', { removeLeftovers: wait.activity }),
      act: async (handle) => {
        await wait.entered;
        await handle.cancel();
      },
    },
  ];
}

/** Lists one scenario for each workflow that a client starts for a single operation of a worker. */
export function listClientWorkflows(): Scenario[] {
  return [
    { name: 'delete-image', workflow: 'deleteImage', input: { uuid: 'u' } },
    {
      name: 'read-remains',
      workflow: 'readResumePoint',
      input: { ref: { uuid: 'u', cloud: 'here', workflowId: 'base_image-u' } },
    },
    {
      name: 'read-providers',
      workflow: 'readProviders',
      input: { check: true },
      act: async (handle) => {
        await handle.executeUpdate(ANSWER_UPDATE);
      },
    },
    {
      name: 'prepare-credentials',
      workflow: 'prepareCredentials',
      input: { keyId: 'key' },
      act: async (handle) => {
        await handle.executeUpdate(ANSWER_UPDATE);
      },
    },
    {
      name: 'read-records',
      workflow: 'readRecords',
      input: { spec: {} },
      act: async (handle) => {
        await handle.executeUpdate(ANSWER_UPDATE);
      },
    },
  ];
}
