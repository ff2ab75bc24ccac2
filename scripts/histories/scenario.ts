import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../src/activities/index.js';
import { FactoryError } from '../../src/domain/errors.js';
import type { BaseImageInput } from '../../src/domain/base-image-input.js';
import { RESUME_UPDATE, STATUS_QUERY, type ResumeRequest, type WORKFLOWS } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import { inputOf } from '../../test/support/stubs.js';

/** One way in which a workflow can go. We record the history of each scenario. */
export interface Scenario {
  /** Name of the history's file, without `.json`, and also the id of the workflow. */
  name: string;
  workflow: keyof typeof WORKFLOWS;
  input: unknown;
  /** The activities that differ from the stubs. */
  activities?: Partial<Activities>;
  /** The signal that starts the workflow (signal-with-start). Unset when the workflow is started without a signal. */
  signal?: { name: string; args: unknown[] };
  /**
   * Sends requests to the running workflow, as a client does. @returns the run to record, if it is not the first run
   */
  act?: (handle: WorkflowHandle, environment: TestWorkflowEnvironment) => Promise<WorkflowHandle | void>;
}

/** Creates the scenario of a base image build. `given` replaces parts of its input and of the stub activities. */
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

/** Always fails, with an error that Temporal does not retry. Scenarios use it as an activity. */
export async function fail(): Promise<never> {
  throw new FactoryError('CommandFailed', 'ended with exit status 1', { hint: 'correct it' });
}

/**
 * Creates an activity that fails at its first `times` calls, with an error that Temporal does not retry. At later calls
 * it returns `result`.
 */
export function failAtFirst<T>(result: T, times = 1): () => Promise<T> {
  let calls = 0;
  return async () => (calls++ < times ? fail() : result);
}

/**
 * Waits until a build is held.
 *
 * @param before the time of the previous hold, to wait for the next hold. Default 0: waits for any hold
 * @returns the time since which the build is held; undefined when the build has ended instead
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
