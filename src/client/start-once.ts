import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { WorkflowIdReusePolicy } from '@temporalio/common';
import { getTitle, workflowIdFor, type RecordedKind } from '../domain/image-kinds.js';
import { isOpen, type StartedBuild } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildNotFoundError, BuildStateError, ClientError } from './errors.js';
import { findImage } from './images.js';
import { callTemporal } from './temporal-errors.js';

/** An image whose UUID follows from what it is made of, so that it is made only once. */
export interface StartedOnce extends StartedBuild {
  /**
   * `started`: its build has started now. `running`: somebody has started the same image before, and its build goes on.
   * `complete`: the same image exists.
   */
  state: 'started' | 'running' | 'complete';
}

/** The image to start, and what is known of it. */
interface WantedImage {
  kind: RecordedKind;
  uuid: string;
  /** Whether its record says that it is complete. The record knows an image also when Temporal has forgotten it. */
  isKnown: boolean;
}

/**
 * Starts the build of an image, unless the same image exists or is being made. When its build has failed, or the image
 * was deleted, it starts again.
 *
 * @param start starts the workflow under the given policy
 * @throws BuildStateError when the image exists and Temporal has forgotten its build
 */
export async function startOnce(
  client: ImageFactoryClient,
  { kind, uuid, isKnown }: WantedImage,
  start: (policy: WorkflowIdReusePolicy) => Promise<StartedBuild>,
): Promise<StartedOnce> {
  if (isKnown) return describeComplete(client, kind, uuid);
  try {
    return { ...(await start('ALLOW_DUPLICATE_FAILED_ONLY')), state: 'started' };
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
  }
  const known = await describeKnown(client, kind, uuid);
  if (known.state === 'running' || (await findImage(client, uuid))?.status === 'COMPLETE') return known;
  // The image was made, and then deleted.
  return { ...(await start('ALLOW_DUPLICATE')), state: 'started' };
}

async function describeComplete(client: ImageFactoryClient, kind: RecordedKind, uuid: string): Promise<StartedOnce> {
  try {
    return { ...(await describeKnown(client, kind, uuid)), state: 'complete' };
  } catch (error) {
    if (!(error instanceof BuildNotFoundError)) throw error;
    const image = `${getTitle(kind).toLowerCase()} ${uuid}`;
    throw new BuildStateError(uuid, `${image} exists already, and Temporal has forgotten its build`, {
      hint: `imagefactory images --id ${uuid} shows the image; to make it again, delete it first`,
    });
  }
}

function isAlreadyStarted(error: unknown): boolean {
  return error instanceof ClientError && error.cause instanceof WorkflowExecutionAlreadyStartedError;
}

/** Describes an image whose build somebody has started before. */
async function describeKnown(client: ImageFactoryClient, kind: RecordedKind, uuid: string): Promise<StartedOnce> {
  const workflowId = workflowIdFor(kind, uuid);
  const handle = client.temporal.workflow.getHandle(workflowId);
  const { status, runId } = await callTemporal(() => client.withTimeout(() => handle.describe()), uuid);
  return { uuid, workflowId, runId, state: isOpen(status.name) ? 'running' : 'complete' };
}
