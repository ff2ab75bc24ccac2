import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { WORKFLOWS } from '../src/domain/messages.js';
import { stubs } from '../test/support/stubs.js';
import { startTemporal, temporalProgram, withWorkers } from '../test/support/temporal.js';
import { listScenarios } from './histories/scenarios.js';
import type { Scenario } from './histories/scenario.js';

/*
 * Records the histories of all scenarios, from real runs on a real server. Run it after you have changed a workflow on
 * purpose, and when no build of the old code runs any more. If such builds still run, guard the change with `patched()`
 * instead.
 *
 *   npm run histories                        all scenarios, into test/histories
 *   npm run histories -- FOLDER [NAME …]     into another folder; only these scenarios
 */
const PROJECT = fileURLToPath(new URL('../', import.meta.url));
const HISTORIES = join(PROJECT, 'test/histories');

async function save(environment: TestWorkflowEnvironment, file: string, handle: WorkflowHandle): Promise<number> {
  await handle.result().catch(() => undefined);
  const { runId } = await handle.describe();
  const which = ['--workflow-id', handle.workflowId, '--run-id', runId, '--address', environment.address];
  const { stdout } = await promisify(execFile)(temporalProgram(), ['workflow', 'show', ...which, '--output', 'json'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  // Stack traces contain the path of the project. We remove it, so that the history does not depend on the machine.
  const history = JSON.parse(stdout.replaceAll(PROJECT, '')) as { events: unknown[] };
  await writeFile(file, `${JSON.stringify(history)}\n`);
  return history.events.length;
}

async function start({ client }: TestWorkflowEnvironment, scenario: Scenario): Promise<WorkflowHandle> {
  const { name, signal } = scenario;
  const options = { taskQueue: name, workflowId: name, args: [scenario.input] };
  const type = WORKFLOWS[scenario.workflow];
  if (signal === undefined) return client.workflow.start(type, options);
  return client.workflow.signalWithStart(type, { ...options, signal: signal.name, signalArgs: signal.args });
}

async function record(environment: TestWorkflowEnvironment, scenario: Scenario, folder: string): Promise<void> {
  const { name } = scenario;
  await withWorkers(environment, name, { ...stubs([]), ...scenario.activities }, async () => {
    const handle = await start(environment, scenario);
    const recorded = (await scenario.act?.(handle, environment)) ?? handle;
    const events = await save(environment, join(folder, `${name}.json`), recorded);
    process.stdout.write(`${name}: ${events} events\n`);
  });
}

/** Removes the histories whose scenario no longer exists. */
async function removeOldHistories(): Promise<void> {
  const wanted = listScenarios().map(({ name }) => `${name}.json`);
  for (const file of await readdir(HISTORIES)) if (!wanted.includes(file)) await rm(join(HISTORIES, file));
}

const [folder = HISTORIES, ...only] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
if (folder === HISTORIES) await removeOldHistories();
const environment = await startTemporal();
try {
  for (const scenario of listScenarios()) {
    if (only.length === 0 || only.includes(scenario.name)) await record(environment, scenario, folder);
  }
} finally {
  await environment.teardown();
}
