import { CancellationScope, defineQuery, setHandler } from '@temporalio/workflow';
import type { ImageKind, RecordedKind } from '../../domain/image-kinds.js';
import { STATUS_QUERY, type BaseImageResult } from '../../domain/messages.js';
import type { ProviderImageResult } from '../../domain/provider-image.js';
import type { TargetImageResult } from '../../domain/target-image-result.js';
import type { BuildStatus } from '../../domain/status.js';
import type { BuildContext } from './build-context.js';
import { withBuildTimeout } from './build-timeout.js';
import { withCleanup, type BuildEnding } from './with-cleanup.js';

/** The parts of the lifecycle that differ between the kinds of images. */
export interface Lifecycle<R> extends BuildEnding<R> {
  /** Runs the phases of the build, and returns its result. {@link runLifecycle} then runs the clean-up. */
  build: () => Promise<R>;
  /** Returns the seconds that the build may take, without pauses. Unset when the build has no timeout of its own. */
  timeout?: () => number;
}

/**
 * Runs the lifecycle of a build: answers the query `status`, shows a cancellation at once, enforces the build's
 * timeout, and always cleans up.
 */
export function runLifecycle<K extends ImageKind, R>(context: BuildContext<K>, lifecycle: Lifecycle<R>): Promise<R> {
  const { status } = context;
  setHandler(defineQuery<BuildStatus>(STATUS_QUERY), () => status.status);
  CancellationScope.current().cancelRequested.catch(() => status.requestCancel());
  const { timeout, build } = lifecycle;
  if (timeout === undefined) return withCleanup(context, build, lifecycle);
  const clock = { limit: timeout, paused: () => context.pausedMilliseconds, isPaused: () => context.isPaused };
  return withCleanup(context, () => withBuildTimeout(clock, build), lifecycle);
}

/** Returns the function with which a build completes its record, as its last step. */
export function createRecordWriter({
  ref,
  status,
  steps,
}: BuildContext<RecordedKind>): NonNullable<
  Lifecycle<BaseImageResult | TargetImageResult | ProviderImageResult>['writeRecord']
> {
  return (result, failure) =>
    steps.run({ name: 'record', title: 'write the record' }, 'writeFinalRecord', {
      ref,
      result,
      failure,
      timings: status.timings(),
      status: result !== undefined ? 'COMPLETE' : failure?.type === 'Canceled' ? 'CANCELED' : 'FAILED',
    });
}
