import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../src/activities/index.js';
import { FactoryError } from '../src/build/errors.js';
import { JEOS_JOIN_SIGNAL, JEOS_LEAVE_SIGNAL, SET_DEADLINE_UPDATE, WORKFLOWS } from '../src/build/messages.js';
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
  act?: (handle: WorkflowHandle) => Promise<void>;
};

const folder = fileURLToPath(new URL('../test/histories/', import.meta.url));

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
  const history = JSON.parse(stdout) as { events: unknown[] };
  await writeFile(`${folder}${name}.json`, `${JSON.stringify(history)}\n`);
  process.stdout.write(`${name}: ${history.events.length} events\n`);
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
        runGuestStep: () =>
          Promise.reject(new FactoryError('CommandFailed', 'ended with exit status 1', { hint: 'correct it' })),
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
    { name: 'downloaded', parameters: { download: true, generate_icicle: false } },
  ];
}

async function recordBuilds(environment: TestWorkflowEnvironment): Promise<void> {
  for (const build of builds()) {
    await withWorkers(environment, build.name, { ...stubs([]), ...build.activities }, async () => {
      const handle = await environment.client.workflow.start(WORKFLOWS.baseImage, {
        taskQueue: build.name,
        workflowId: `base_image-${build.name}`,
        args: [{ ...inputOf(build.parameters), heartbeatTimeout: 4 }],
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

const environment = await startTemporal();
try {
  await recordBuilds(environment);
  await recordJeos(environment);
} finally {
  await environment.teardown();
}
