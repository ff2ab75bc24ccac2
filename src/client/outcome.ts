import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure } from '@temporalio/common';
import { baseImageWorkflowId } from '../domain/base-image-input.js';
import type { BaseImageResult } from '../domain/messages.js';
import type { BuildFailure } from '../domain/status.js';
import { toClientError } from './temporal-errors.js';
import type { ImageFactoryClient } from './connection.js';

/** How a build ended. */
export type Outcome =
  | { status: 'COMPLETE'; uuid: string; result: BaseImageResult }
  | { status: 'FAILED' | 'CANCELED'; uuid: string; failure: BuildFailure };

/** Waits until the build has ended, and tells how. A failed build is an answer here, not an exception. */
export async function buildOutcome(factory: ImageFactoryClient, uuid: string): Promise<Outcome> {
  try {
    const result = (await factory.client.workflow.getHandle(baseImageWorkflowId(uuid)).result()) as BaseImageResult;
    return { status: 'COMPLETE', uuid, result };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return toOutcome(uuid, error.cause);
    throw toClientError(error, uuid);
  }
}

function toOutcome(uuid: string, cause: Error | undefined): Outcome {
  if (cause instanceof CancelledFailure) {
    return { status: 'CANCELED', uuid, failure: { type: 'Canceled', step: '', message: 'the build was cancelled' } };
  }
  if (cause instanceof ApplicationFailure) {
    const [detail] = cause.details ?? [];
    const given = isRecord(detail) ? (detail as Partial<BuildFailure>) : {};
    return {
      status: 'FAILED',
      uuid,
      failure: { type: cause.type ?? 'Internal', step: '', message: cause.message, ...given },
    };
  }
  const terminated = cause instanceof TerminatedFailure;
  const message = terminated
    ? `the workflow was terminated (${cause.message}), so nothing of what it had made was removed`
    : `the workflow ended unexpectedly: ${cause?.message ?? 'no reason given'}`;
  return { status: 'FAILED', uuid, failure: { type: 'Internal', step: '', message } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
