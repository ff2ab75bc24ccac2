import { randomUUID } from 'node:crypto';
import { ScheduleAlreadyRunning, ScheduleNotFoundError, type ScheduleOptions } from '@temporalio/client';
import { WORKFLOWS, type SweepInput, type SweepResult } from '../domain/messages.js';
import { callTemporal } from './temporal-errors.js';
import type { ImageFactoryClient } from './connection.js';
import { execute } from './images.js';

/** Seconds that a sweep may take: an instance may need minutes to go. */
const SWEEP_TIMEOUT = 4 * 3600;

/** Sweeps now, and answers what was found and what became of it. @throws ClientError when no worker does it */
export function runSweep(factory: ImageFactoryClient, input: SweepInput): Promise<SweepResult> {
  return execute<SweepResult>(factory, WORKFLOWS.sweep, input, `sweep-${randomUUID()}`, SWEEP_TIMEOUT);
}

/** The id of the schedule that sweeps for a task queue. */
export function sweepScheduleId(taskQueue: string): string {
  return `${taskQueue}-gc`;
}

/** Creates the schedule that sweeps every so many seconds, or changes the one that is there. Safe to run twice. */
export async function scheduleSweeps(
  factory: ImageFactoryClient,
  seconds: number,
  input: SweepInput,
): Promise<'created' | 'updated'> {
  const { client, taskQueue } = factory;
  const options = {
    scheduleId: sweepScheduleId(taskQueue),
    spec: { intervals: [{ every: seconds * 1000 }] },
    action: {
      type: 'startWorkflow' as const,
      workflowType: WORKFLOWS.sweep,
      workflowId: `sweep-${taskQueue}`,
      taskQueue,
      args: [input],
      workflowExecutionTimeout: SWEEP_TIMEOUT * 1000,
      staticSummary: `Remove from ${input.clouds.join(', ')} what belongs to no living build`,
    },
    // One sweep at a time; those that were missed while nobody was there are made up for by the next.
    policies: { overlap: 'SKIP' as const, catchupWindow: 60_000 },
  } satisfies ScheduleOptions;
  return callTemporal(async () => {
    try {
      await factory.call(() => client.schedule.create(options));
      return 'created';
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(options.scheduleId);
      // The state stays: a schedule that somebody has paused remains so.
      await factory.call(() => handle.update(({ state }) => ({ ...options, state })));
      return 'updated';
    }
  });
}

/** Removes the schedule. False when there was none. */
export async function unscheduleSweeps(factory: ImageFactoryClient): Promise<boolean> {
  const handle = factory.client.schedule.getHandle(sweepScheduleId(factory.taskQueue));
  return callTemporal(async () => {
    try {
      await factory.call(() => handle.delete());
      return true;
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return false;
      throw error;
    }
  });
}
