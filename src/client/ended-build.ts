import { randomUUID } from 'node:crypto';
import { WORKFLOWS, type ReadResumePointInput, type ResumePointReport } from '../domain/messages.js';
import type { BuildFailure } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';
import { execute } from './images.js';
import type { Observation } from './watch.js';
import { buildOutcome } from './outcome.js';

/** Temporal's words for runs that can be resumed. */
const WITHOUT_IMAGE = ['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];
/** Seconds that a worker may take to look at the cloud. */
const LOOK_TIMEOUT = 30;

/** A build that has ended without an image, and what it can be resumed from. */
export interface EndedBuild {
  /** Temporal's word for how it ended. */
  execution: string;
  failure: BuildFailure;
  /** What there is of it; in words why nobody knows, where no worker could look. */
  remains: ResumePointReport | string;
}

/** How a build ended without an image; undefined when it runs, or has one. */
export async function endedBuild(factory: ImageFactoryClient, seen: Observation): Promise<EndedBuild | undefined> {
  const { execution } = seen;
  if (!WITHOUT_IMAGE.includes(execution)) return undefined;
  const [failure, remains] = await Promise.all([readFailure(factory, seen), readResumePointReport(factory, seen)]);
  return { execution, failure, remains };
}

/** A build that Temporal ended has said nothing about it. */
async function readFailure(factory: ImageFactoryClient, { uuid, status }: Observation): Promise<BuildFailure> {
  if (status?.failure !== undefined) return status.failure;
  const outcome = await factory.call(() => buildOutcome(factory, uuid));
  const step = status?.steps.filter(({ state }) => state === 'running').at(-1)?.name ?? '';
  if (outcome.status === 'COMPLETE') return { type: 'Internal', step, message: 'it has completed meanwhile' };
  return outcome.failure.step === '' ? { ...outcome.failure, step } : outcome.failure;
}

async function readResumePointReport(
  factory: ImageFactoryClient,
  { uuid, status, workflowId }: Observation,
): Promise<ResumePointReport | string> {
  if (status === undefined) return 'no worker is there to look at the cloud';
  const { cloud, jeosWorkflowId, resources } = status;
  const jeosImage = resources['jeos_image'];
  const input: ReadResumePointInput = {
    ref: { uuid, cloud, workflowId },
    ...(jeosWorkflowId === undefined ? {} : { jeosWorkflowId }),
    ...(jeosImage === undefined ? {} : { jeosImage }),
  };
  try {
    return await execute<ResumePointReport>(
      factory,
      WORKFLOWS.readResumePoint,
      input,
      `resume_point-${randomUUID()}`,
      LOOK_TIMEOUT,
    );
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
