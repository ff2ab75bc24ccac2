import { randomUUID } from 'node:crypto';
import { ScheduleAlreadyRunning, ScheduleNotFoundError, type ScheduleOptions } from '@temporalio/client';
import { WORKFLOWS } from '../domain/messages.js';
import type { SweepInput, SweepResult } from '../domain/sweep-report.js';
import type { ImageFactoryClient } from './connection.js';
import { runReadWorkflow, runWorkflow } from './run-workflow.js';
import { callTemporal } from './temporal-errors.js';

/** Seconds that a sweep may take. The limit is high, because deleting one instance may take minutes. */
const SWEEP_TIMEOUT = 4 * 3600;

/**
 * Removes the resources in the clouds that no running build needs. Returns the resources that it found, and the outcome
 * for each. All ages and durations are in seconds.
 *
 * @example
 * const limits = { olderThan: 24 * 3600, jeosKeep: 10, unusedFor: 30 * 24 * 3600 };
 * const { clouds } = await runSweep(client, { clouds: ['envvars'], limits, dryRun: true });
 *
 * @throws NoWorkerError when no worker polls the task queue
 * @throws ClientError `WorkerFailed` when the sweep fails, or has not ended after four hours
 */
export function runSweep(client: ImageFactoryClient, input: SweepInput): Promise<SweepResult> {
  const request = { type: WORKFLOWS.sweep, input, summary: summarizeSweep(input), seconds: SWEEP_TIMEOUT };
  if (input.dryRun) return runReadWorkflow<SweepResult>(client, 'sweep', request);
  return runWorkflow<SweepResult>(client, { ...request, workflowId: `sweep-${randomUUID()}` });
}

function summarizeSweep({ clouds, providers = [], dryRun }: SweepInput): string {
  const what = dryRun ? 'List what could be removed from' : 'Remove what belongs to no running build from';
  return `${what} ${[...clouds, ...providers].join(', ')}`.slice(0, 190);
}

/** Returns the id of the Temporal schedule that starts the sweeps of a task queue. */
export function getSweepScheduleId(taskQueue: string): string {
  return `${taskQueue}-gc`;
}

/**
 * Creates the Temporal schedule that starts the sweeps of the client's task queue, or updates the existing schedule.
 * Safe to run twice.
 *
 * @param seconds the interval between two sweeps, in seconds
 * @throws ClientError when Temporal refuses
 */
export async function scheduleSweeps(
  client: ImageFactoryClient,
  seconds: number,
  input: SweepInput,
): Promise<'created' | 'updated'> {
  const { temporal, taskQueue } = client;
  const options = {
    scheduleId: getSweepScheduleId(taskQueue),
    spec: { intervals: [{ every: seconds * 1000 }] },
    action: {
      type: 'startWorkflow' as const,
      workflowType: WORKFLOWS.sweep,
      workflowId: `sweep-${taskQueue}`,
      taskQueue,
      args: [input],
      workflowExecutionTimeout: SWEEP_TIMEOUT * 1000,
      staticSummary: summarizeSweep(input),
    },
    // No sweep starts while another one runs. If Temporal is down when a sweep is due, the sweep still starts up to a
    // minute late; after that, it is left out.
    policies: { overlap: 'SKIP' as const, catchupWindow: 60_000 },
  } satisfies ScheduleOptions;
  return callTemporal(async () => {
    try {
      await client.withTimeout(() => temporal.schedule.create(options));
      return 'created';
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = temporal.schedule.getHandle(options.scheduleId);
      // The state is kept, so a paused schedule stays paused.
      await client.withTimeout(() => handle.update(({ state }) => ({ ...options, state })));
      return 'updated';
    }
  });
}

/**
 * Deletes the Temporal schedule that starts the sweeps of the client's task queue. Returns false when there was none.
 *
 * @throws ClientError when Temporal refuses
 */
export async function unscheduleSweeps(client: ImageFactoryClient): Promise<boolean> {
  const handle = client.temporal.schedule.getHandle(getSweepScheduleId(client.taskQueue));
  return callTemporal(async () => {
    try {
      await client.withTimeout(() => handle.delete());
      return true;
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return false;
      throw error;
    }
  });
}
