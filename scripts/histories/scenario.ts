import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../src/activities/index.js';
import { FactoryError } from '../../src/domain/errors.js';
import type { BaseImageInput } from '../../src/domain/base-image-input.js';
import { RESUME_UPDATE, STATUS_QUERY, type ResumeRequest, type WORKFLOWS } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import { inputOf } from '../../test/support/stubs.js';

/** One course that a workflow can take; its history is recorded. */
export interface Scenario {
  /** The name of the history's file, and the workflow's id. */
  name: string;
  workflow: keyof typeof WORKFLOWS;
  input: unknown;
  /** The activities that differ from the stubs. */
  activities?: Partial<Activities>;
  /** A signal with which the workflow is started. */
  signal?: { name: string; args: unknown[] };
  /** The requests of a client while the workflow runs. @returns the run to record, if it is not the first one */
  act?: (handle: WorkflowHandle, environment: TestWorkflowEnvironment) => Promise<WorkflowHandle | void>;
}

/** A build of a base image, with what differs from the stubs. */
export function createBuild(
  name: string,
  given: {
    parameters?: Record<string, unknown>;
    input?: Partial<BaseImageInput>;
    activities?: Partial<Activities>;
    act?: Scenario['act'];
  } = {},
): Scenario {
  const { parameters, input, ...rest } = given;
  return { name, workflow: 'baseImage', input: { ...inputOf(parameters), heartbeatTimeout: 4, ...input }, ...rest };
}

/** An activity that always fails, with an error that is not retried. */
export async function fail(): Promise<never> {
  throw new FactoryError('CommandFailed', 'ended with exit status 1', { hint: 'correct it' });
}

/** An activity that fails at its first calls, with an error that is not retried, and then returns the result. */
export function failAtFirst<T>(result: T, times = 1): () => Promise<T> {
  let calls = 0;
  return async () => (calls++ < times ? fail() : result);
}

/**
 * Waits until a build is held.
 *
 * @param before since when it was held the last time; waits for the next hold then
 * @returns since when the build is held; undefined when it has ended instead
 */
export async function waitForHold(handle: WorkflowHandle, before = 0): Promise<number | undefined> {
  for (;;) {
    const { held, endedAt } = await handle.query<BuildStatus>(STATUS_QUERY);
    if (held !== undefined && held.since !== before) return held.since;
    if (endedAt !== undefined) return undefined;
    await delay(50);
  }
}

export async function sendResume(handle: WorkflowHandle, request: ResumeRequest): Promise<void> {
  await handle.executeUpdate(RESUME_UPDATE, { args: [request] });
}
