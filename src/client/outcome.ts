import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure } from '@temporalio/common';
import type { BaseImageResult } from '../domain/messages.js';
import type { ProviderImageResult } from '../domain/provider-image.js';
import type { TargetImageResult } from '../domain/target-image-result.js';
import type { BuildFailure } from '../domain/status.js';
import { findBuildHandle } from './builds.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildCanceledError, BuildFailedError, BuildStateError } from './errors.js';
import { toClientError } from './temporal-errors.js';

/**
 * The result of a build: a base image; a target image, which has the property `target`; or a provider image, which has
 * the property `registered`.
 */
export type ImageResult = BaseImageResult | TargetImageResult | ProviderImageResult;

/** How a build ended. */
export type BuildOutcome =
  | { status: 'COMPLETE'; uuid: string; result: ImageResult }
  | { status: 'FAILED' | 'CANCELED'; uuid: string; failure: BuildFailure };

/** How to wait for the end of a build. */
export interface WaitOptions {
  /** Ends the wait when the signal is aborted: the function throws the signal's reason. The build continues. */
  signal?: AbortSignal | undefined;
}

/**
 * Waits until the build of a base image has ended with its image.
 *
 * @example
 * const image = await waitForImage(client, uuid, { signal: AbortSignal.timeout(4 * 3600_000) });
 * console.log(image.glanceId);
 *
 * @throws BuildFailedError when the build failed
 * @throws BuildCanceledError when the build was canceled
 * @throws BuildNotFoundError when Temporal has no such build
 * @throws the signal's reason when the signal is aborted
 */
export async function waitForImage(
  client: ImageFactoryClient,
  uuid: string,
  options: WaitOptions = {},
): Promise<BaseImageResult> {
  const outcome = await waitForOutcome(client, uuid, options);
  if (outcome.status === 'COMPLETE' && 'glanceId' in outcome.result) return outcome.result;
  if (outcome.status === 'COMPLETE') throw new BuildStateError(uuid, `image ${uuid} is no base image`);
  throw outcome.status === 'CANCELED' ? new BuildCanceledError(uuid) : new BuildFailedError(uuid, outcome.failure);
}

/**
 * Waits until a build has ended, and returns the outcome. Unlike {@link waitForImage}, it does not throw when the build
 * failed or was canceled.
 *
 * @throws BuildNotFoundError when Temporal has no such build
 * @throws the signal's reason when the signal is aborted
 */
export async function waitForOutcome(
  client: ImageFactoryClient,
  uuid: string,
  { signal }: WaitOptions = {},
): Promise<BuildOutcome> {
  try {
    signal?.throwIfAborted();
    const handle = await findBuildHandle(client, uuid);
    const wait = (): Promise<ImageResult> => handle.result() as Promise<ImageResult>;
    const result = await (signal === undefined ? wait() : client.connection.withAbortSignal(signal, wait));
    return { status: 'COMPLETE', uuid, result };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return toOutcome(uuid, error.cause);
    signal?.throwIfAborted();
    throw toClientError(error, uuid);
  }
}

function toOutcome(uuid: string, cause: Error | undefined): BuildOutcome {
  if (cause instanceof CancelledFailure) {
    return { status: 'CANCELED', uuid, failure: { type: 'Canceled', step: '', message: 'the build was cancelled' } };
  }
  if (cause instanceof ApplicationFailure) {
    const [detail] = cause.details ?? [];
    const details = isRecord(detail) ? (detail as Partial<BuildFailure>) : {};
    const failure = { type: cause.type ?? 'Internal', step: '', message: cause.message, ...details };
    return { status: 'FAILED', uuid, failure };
  }
  const message =
    cause instanceof TerminatedFailure
      ? `the workflow was terminated (${cause.message}), so nothing that it made was removed`
      : `the workflow ended unexpectedly: ${cause?.message ?? 'no reason given'}`;
  return { status: 'FAILED', uuid, failure: { type: 'Internal', step: '', message } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
