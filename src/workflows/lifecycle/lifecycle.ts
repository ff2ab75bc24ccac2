import { CancellationScope, defineQuery, setHandler } from '@temporalio/workflow';
import type { ImageKind } from '../../domain/image-kinds.js';
import { STATUS_QUERY } from '../../domain/messages.js';
import type { BuildStatus } from '../../domain/status.js';
import type { BuildContext } from './build-context.js';
import { withBuildTimeout } from './build-timeout.js';
import { withCleanup, type BuildEnding } from './with-cleanup.js';

/** What one kind of image does in its lifecycle; the rest is the same for all kinds. */
export interface Lifecycle<R> extends BuildEnding<R> {
  /** Runs the phases of the build, up to its result. The clean-up follows by itself. */
  build: () => Promise<R>;
  /** Seconds that the build may take, pauses not counted. Default: no limit of its own. */
  timeout?: () => number;
}

/**
 * Runs the lifecycle of a build: answers the query `status`, shows a cancellation at once, keeps the build's timeout,
 * and cleans up whatever happens.
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
