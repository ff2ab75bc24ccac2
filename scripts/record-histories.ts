import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../src/activities/index.js';
import { FactoryError } from '../src/build/errors.js';
import type { BaseImageInput } from '../src/build/input.js';
import {
  JEOS_JOIN_SIGNAL,
  JEOS_LEAVE_SIGNAL,
  RESUME_UPDATE,
  SET_DEADLINE_UPDATE,
  STATUS_QUERY,
  WORKFLOWS,
  type ResumeRequest,
} from '../src/build/messages.js';
import type { BuildStatus } from '../src/build/status.js';
import type { BoundedPlan } from '../src/activities/sweep.js';
import type { FoundThing } from '../src/build/sweep.js';
import { inputOf, JEOS_INPUT, parked, stubs } from '../test/support/stubs.js';
import { startTemporal, temporalProgram, withWorkers } from '../test/support/temporal.js';

/**
 * Records a history of every way that a lifecycle can go, from real runs on a real server. Run it when the lifecycle has
 * changed on purpose and no build of the old kind runs any more; otherwise guard the change with `patched()`.
 */
type Build = {
  name: string;
  activities?: Partial<Activities>;
  parameters?: Record<string, unknown>;
  input?: Partial<BaseImageInput>;
  act?: (handle: WorkflowHandle) => Promise<void>;
};

const PROJECT = fileURLToPath(new URL('../', import.meta.url));
const folder = `${PROJECT}test/histories/`;

async function save(environment: TestWorkflowEnvironment, name: string, handle: WorkflowHandle): Promise<void> {
  await handle.result().catch(() => undefined);
  const show = [
    'workflow',
    'show',
    '--workflow-id',
    handle.workflowId,
    '--output',
    'json',
    '--address',
    environment.address,
  ];
  const { stdout } = await promisify(execFile)(temporalProgram(), show, { maxBuffer: 64 * 1024 * 1024 });
  // Stack traces name the folder in which the recording was made.
  const history = JSON.parse(stdout.replaceAll(PROJECT, '')) as { events: unknown[] };
  await writeFile(`${folder}${name}.json`, `${JSON.stringify(history)}\n`);
  process.stdout.write(`${name}: ${history.events.length} events\n`);
}

async function broken(): Promise<void> {
  throw new FactoryError('CommandFailed', 'ended with exit status 1', { hint: 'correct it' });
}

/** A build whose first step of the template fails once, is held, and is told how to go on. */
function heldAndThen(action: ResumeRequest['action']): Build {
  let tries = 0;
  return {
    name: `held-${action}`,
    parameters: { on_error: 'hold' },
    activities: { runGuestStep: () => (tries++ === 0 ? broken() : Promise.resolve()) },
    act: async (handle) => {
      while ((await handle.query<BuildStatus>(STATUS_QUERY)).held === undefined) await delay(50);
      const change = action === 'retry' ? { parameters: { command_timeout: 60 } } : {};
      await handle.executeUpdate(RESUME_UPDATE, { args: [{ action, ...change }] });
    },
  };
}

function builds(): Build[] {
  const cancelled = parked();
  const awaited = parked();
  let waits = 0;
  return [
    { name: 'complete' },
    {
      name: 'failed',
      activities: {
        runGuestStep: broken,
      },
    },
    {
      name: 'canceled',
      activities: { waitForJeos: cancelled.activity },
      act: async (handle) => {
        await cancelled.entered;
        await handle.cancel();
      },
    },
    { name: 'timed-out', parameters: { timeout: 1 }, activities: { waitForSsh: parked().activity } },
    {
      name: 'deadline-changed',
      activities: { waitForSsh: () => (waits++ === 0 ? awaited.activity() : Promise.resolve()) },
      act: async (handle) => {
        await awaited.entered;
        await handle.executeUpdate(SET_DEADLINE_UPDATE, { args: [{ name: 'boot_timeout', seconds: 90 }] });
      },
    },
    ...['retry', 'skip', 'abort'].map((action) => heldAndThen(action as ResumeRequest['action'])),
    { name: 'held-expired', parameters: { on_error: 'hold', hold_for: 1 }, activities: { runGuestStep: broken } },
    { name: 'kept', parameters: { on_error: 'keep' }, activities: { runGuestStep: broken } },
    { name: 'resumed', input: { resumed: { from: 'command:1' } } },
    {
      name: 'resumed-snapshot',
      input: { resumed: {} },
      activities: { findRemains: async () => ({ snapshotOf: { serverId: 's', packages: 3 } }) },
    },
    { name: 'downloaded', parameters: { download: true, generate_icicle: false } },
  ];
}

async function recordBuilds(environment: TestWorkflowEnvironment): Promise<void> {
  for (const build of builds()) {
    await withWorkers(environment, build.name, { ...stubs([]), ...build.activities }, async () => {
      const handle = await environment.client.workflow.start(WORKFLOWS.baseImage, {
        taskQueue: build.name,
        workflowId: `base_image-${build.name}`,
        args: [{ ...inputOf(build.parameters), heartbeatTimeout: 4, ...build.input }],
      });
      await build.act?.(handle);
      await save(environment, build.name, handle);
    });
  }
}

async function recordJeos(environment: TestWorkflowEnvironment): Promise<void> {
  const wait = parked();
  for (const [name, activities] of [
    ['jeos-complete', {}],
    ['jeos-canceled', { waitForPowerOff: wait.activity }],
  ] as const) {
    await withWorkers(environment, name, { ...stubs([]), ...activities }, async () => {
      const handle = await environment.client.workflow.signalWithStart(WORKFLOWS.jeosImage, {
        workflowId: name,
        taskQueue: name,
        signal: JEOS_JOIN_SIGNAL,
        signalArgs: ['build-1'],
        args: [{ ...JEOS_INPUT, heartbeatTimeout: 4 }],
      });
      if (name === 'jeos-canceled') {
        await wait.entered;
        await handle.signal(JEOS_LEAVE_SIGNAL, 'build-1');
      }
      await save(environment, name, handle);
    });
  }
}

async function recordSweep(environment: TestWorkflowEnvironment): Promise<void> {
  const thing: FoundThing = { kind: 'image', id: 'i', name: 'imagefactory-boot', workflows: [], created: 0 };
  const planSweep = async (): Promise<BoundedPlan> => ({
    removals: [{ workflows: [], things: [thing], why: 'its build has ended' }],
    kept: [],
    unnamed: 0,
    postponed: 0,
  });
  await withWorkers(environment, 'sweep', { ...stubs([]), planSweep }, async () => {
    const limits = { olderThan: 86_400, jeosKeep: 10, unusedFor: 2_592_000 };
    const handle = await environment.client.workflow.start(WORKFLOWS.sweep, {
      taskQueue: 'sweep',
      workflowId: 'sweep',
      args: [{ clouds: ['here'], limits, dryRun: false }],
    });
    await save(environment, 'sweep', handle);
  });
}

const environment = await startTemporal();
try {
  await recordBuilds(environment);
  await recordSweep(environment);
  await recordJeos(environment);
} finally {
  await environment.teardown();
}
