import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { run } from '../../../src/cli/cli.js';
import { temporalEnv } from '../../support/temporal.js';
import { RecordingIo } from '../../unit/cli/recording-io.js';

/** Starts a command that uses the task queue `queue`. It runs in this process. */
export function beginCommand(
  temporal: TestWorkflowEnvironment,
  queue: string,
  ...args: string[]
): { io: RecordingIo; ended: Promise<number> } {
  const io = new RecordingIo(temporalEnv(temporal));
  return { io, ended: run(['--task-queue', queue, ...args], io) };
}

/** Runs a command to its end. */
export async function runCommand(
  temporal: TestWorkflowEnvironment,
  queue: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { io, ended } = beginCommand(temporal, queue, ...args);
  const code = await ended;
  return { code, stdout: io.stdout, stderr: io.stderr };
}
