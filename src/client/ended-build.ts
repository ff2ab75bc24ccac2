import { randomUUID } from 'node:crypto';
import { WORKFLOWS, type ReadResumePointInput, type ResumePointReport } from '../domain/messages.js';
import type { BuildFailure } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';
import type { BuildProgress } from './follow.js';
import { waitForOutcome } from './outcome.js';
import { runWorkflow } from './run-workflow.js';

/** Temporal's words for the ends of a build without an image. */
const WITHOUT_IMAGE = ['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];
/** Seconds that a worker may take to look at the cloud. */
const READ_TIMEOUT = 30;

/** A build that has ended without an image, and the point that it can be resumed from. */
export interface EndedBuild {
  /** Temporal's word for the end: FAILED, CANCELLED, TERMINATED, TIMED_OUT. */
  execution: string;
  /** Why it ended. */
  failure: BuildFailure;
  /** Where {@link resumeBuild} would go on; a sentence that says why this is not known when no worker could look. */
  resumePoint: ResumePointReport | string;
}

/**
 * Describes the end of a build that made no image; undefined when the build runs, or has made its image.
 *
 * @throws ClientError when Temporal does not answer
 */
export async function findEndedBuild(
  client: ImageFactoryClient,
  progress: BuildProgress,
): Promise<EndedBuild | undefined> {
  const { execution } = progress;
  if (!WITHOUT_IMAGE.includes(execution)) return undefined;
  const [failure, resumePoint] = await Promise.all([readFailure(client, progress), readResumePoint(client, progress)]);
  return { execution, failure, resumePoint };
}

/** Reads the failure from the end of the workflow when the build could not report it: Temporal ended it. */
async function readFailure(client: ImageFactoryClient, { uuid, status }: BuildProgress): Promise<BuildFailure> {
  if (status?.failure !== undefined) return status.failure;
  const outcome = await client.withTimeout(() => waitForOutcome(client, uuid));
  const step = status?.steps.filter(({ state }) => state === 'running').at(-1)?.name ?? '';
  if (outcome.status === 'COMPLETE') return { type: 'Internal', step, message: 'it has completed meanwhile' };
  return outcome.failure.step === '' ? { ...outcome.failure, step } : outcome.failure;
}

async function readResumePoint(
  client: ImageFactoryClient,
  { uuid, status, workflowId }: BuildProgress,
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
    return await runWorkflow(client, WORKFLOWS.readResumePoint, input, `resume_point-${randomUUID()}`, READ_TIMEOUT);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
