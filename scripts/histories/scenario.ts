import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Activities } from '../../src/activities/index.js';
import { FactoryError } from '../../src/domain/errors.js';
import type { BaseImageInput } from '../../src/domain/base-image-input.js';
import { RESUME_UPDATE, STATUS_QUERY, type ResumeRequest, type WORKFLOWS } from '../../src/domain/messages.js';
import type { BuildStatus } from '../../src/domain/status.js';
import { inputOf } from '../../test/support/stubs.js';

/** One way that a lifecycle can go. */
export interface Scenario {
  /** Of the history's file, and the workflow's id. */
  name: string;
  workflow: keyof typeof WORKFLOWS;
  input: unknown;
  /** What is not as the stubs have it. */
  activities?: Partial<Activities>;
  /** A signal that it is started with. */
  signal?: { name: string; args: unknown[] };
  /** What somebody does meanwhile. Answers the run to record, where it is not the first. */
  act?: (handle: WorkflowHandle, environment: TestWorkflowEnvironment) => Promise<WorkflowHandle | void>;
}

/** A base image build that goes otherwise than the stubs have it. */
export function build(
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

/** An activity that fails for good. */
export async function broken(): Promise<never> {
  throw new FactoryError('CommandFailed', 'ended with exit status 1', { hint: 'correct it' });
}

/** An activity that fails for good at its first calls, and then answers. */
export function brokenAtFirst<T>(result: T, times = 1): () => Promise<T> {
  let calls = 0;
  return async () => (calls++ < times ? broken() : result);
}

/** Resolves when a build is held, anew if it was before: since when; undefined when it has ended instead. */
export async function heldSince(handle: WorkflowHandle, before = 0): Promise<number | undefined> {
  for (;;) {
    const { held, endedAt } = await handle.query<BuildStatus>(STATUS_QUERY);
    if (held !== undefined && held.since !== before) return held.since;
    if (endedAt !== undefined) return undefined;
    await delay(50);
  }
}

export async function resume(handle: WorkflowHandle, request: ResumeRequest): Promise<void> {
  await handle.executeUpdate(RESUME_UPDATE, { args: [request] });
}
