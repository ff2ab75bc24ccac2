import { WORKFLOWS, type ReadResumePointInput, type ResumePointReport } from '../domain/messages.js';
import type { BuildFailure } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';
import type { BuildProgress } from './follow.js';
import { waitForOutcome } from './outcome.js';
import { runReadWorkflow } from './run-workflow.js';

/** Temporal's names for the states of a workflow whose build has ended without an image. */
const WITHOUT_IMAGE = ['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];
/** Seconds that a worker may take to find the resume point in the cloud. */
const READ_TIMEOUT = 30;

/** A build that has ended without an image, and the point that it can be resumed from. */
export interface EndedBuild {
  /** Temporal's word for the end: FAILED, CANCELLED, TERMINATED, TIMED_OUT. */
  execution: string;
  /** Why it ended. */
  failure: BuildFailure;
  /** The point where {@link resumeBuild} continues the build; or, if no worker could find it, a text that says why. */
  resumePoint: ResumePointReport | string;
}

/**
 * Describes the end of a build that made no image. Returns undefined when the build is running, or has made its image.
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

/**
 * Reads the failure from the status. The status has no failure if Temporal itself ended the workflow; then reads the
 * failure from the end of the workflow.
 */
async function readFailure(client: ImageFactoryClient, { uuid, status }: BuildProgress): Promise<BuildFailure> {
  if (status?.failure !== undefined) return status.failure;
  const outcome = await client.withTimeout(() => waitForOutcome(client, uuid));
  const step = status?.steps.filter(({ state }) => state === 'running').at(-1)?.name ?? '';
  if (outcome.status === 'COMPLETE')
    return {
      type: 'Internal',
      step,
      message: 'the build is complete now; it had ended without an image when its status was read',
    };
  return outcome.failure.step === '' ? { ...outcome.failure, step } : outcome.failure;
}

async function readResumePoint(
  client: ImageFactoryClient,
  { uuid, status, workflowId, isImport }: BuildProgress,
): Promise<ResumePointReport | string> {
  if (isImport === true) return { from: 'nothing', what: 'the beginning: an import cannot be resumed' };
  if (status === undefined) return 'no worker answers, and only a worker can read the cloud';
  const { cloud, jeosWorkflowId, resources } = status;
  const jeosImage = resources['jeos_image'];
  const input: ReadResumePointInput = {
    ref: { uuid, cloud, workflowId },
    ...(jeosWorkflowId === undefined ? {} : { jeosWorkflowId }),
    ...(jeosImage === undefined ? {} : { jeosImage }),
  };
  try {
    return await runReadWorkflow(client, 'resume_point', {
      type: WORKFLOWS.readResumePoint,
      input,
      summary: `find what build ${uuid} has left to resume from`,
      seconds: READ_TIMEOUT,
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
