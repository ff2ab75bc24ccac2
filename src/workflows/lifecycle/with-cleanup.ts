import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
} from '@temporalio/workflow';
import type { ImageKind } from '../../domain/image-kinds.js';
import type { BuildFailure } from '../../domain/status.js';
import { SHORT } from './activity-options.js';
import type { BuildContext } from './build-context.js';
import type { BuildStatusModel } from './build-status.js';
import { describeFailure, isCanceled } from './failures.js';

/** What a clean-up has removed, and what it could not remove. */
export interface CleanupReport {
  removed: string[];
  leftovers: string[];
}

/** The parts of the end of a build that differ between the kinds of images. */
export interface BuildEnding<R> {
  /** Returns the Glance ids of the images that are the result of the build. The clean-up does not remove them. */
  resultImages: (result: R) => string[];
  /** Whether the build may have created volumes. Default: true. */
  mayHaveVolumes?: () => boolean;
  /**
   * Whether the build continues an earlier run, so that it may have resources before it makes a plan. Default false.
   */
  continuesEarlierRun?: boolean;
  /**
   * Returns the seconds for which a failed build keeps its resources (`on_error keep`); undefined when the clean-up
   * removes them.
   */
  keepAfterFailure?: () => number | undefined;
  /** Removes what the build has left, when that is not in a cloud. Default: removes the build's resources there. */
  cleanUp?: (end: { failure: BuildFailure | undefined }) => Promise<CleanupReport>;
  /** Whether `cleanUp` also runs when the build failed in its phase `plan`. Default false. */
  cleansUpAfterPlan?: boolean;
  /** Writes the record, after the clean-up. */
  writeRecord?: (result: R | undefined, failure: BuildFailure | undefined) => Promise<void>;
}

/** The part of a build's context that the clean-up needs. */
type Context = Pick<BuildContext<ImageKind>, 'ref' | 'status' | 'steps' | 'ticket'>;

/**
 * Runs a build and always cleans up after it. A cancellation does not reach the clean-up. The clean-up is retried until
 * the cloud confirms that each resource is gone, and it reports what it could not remove.
 *
 * The clean-up finds resources by the build's mark and needs no list of them. So it also removes a resource whose id
 * the build never got, for example because the reply to the create call was lost (laws 1 and 2 in
 * docs/architecture.md).
 */
export async function withCleanup<R>(context: Context, build: () => Promise<R>, ending: BuildEnding<R>): Promise<R> {
  const { status: model, ticket } = context;
  let outcome: { result: R } | { error: unknown };
  try {
    outcome = { result: await build() };
  } catch (error) {
    outcome = { error };
  }
  return CancellationScope.nonCancellable(async () => {
    const result = 'result' in outcome ? outcome.result : undefined;
    const failure = 'error' in outcome ? toBuildFailure(outcome.error, model) : undefined;
    if (failure !== undefined) model.status.failure = failure;
    // If the build failed in the phase `plan`, it has created nothing, so it needs no clean-up. A clean-up might even
    // fail, because the cloud may be unknown or refuse our credentials.
    const cleansUpAlways = ending.continuesEarlierRun === true || ending.cleansUpAfterPlan === true;
    const nothingCreated = model.status.phase === 'plan' && !cleansUpAlways;
    model.enterPhase('cleanup', 2);
    const keepImages = result === undefined ? [] : ending.resultImages(result);
    const keepSeconds = failure === undefined || failure.type === 'Canceled' ? undefined : ending.keepAfterFailure?.();
    if (nothingCreated) model.status.leftovers = [];
    else if (keepSeconds !== undefined) await keepResources(context, keepSeconds);
    else
      await cleanUp(context, () =>
        ending.cleanUp === undefined
          ? removeResources(context, keepImages, ending.mayHaveVolumes?.())
          : ending.cleanUp({ failure }),
      );
    await ticket.leaveQueue();
    await ending.writeRecord?.(result, failure);
    await condition(allHandlersFinished);
    if ('result' in outcome) {
      model.end('COMPLETE', keepImages[0]);
      return outcome.result;
    }
    return closeFailed(model, outcome.error, model.status.failure as BuildFailure);
  });
}

/** Removes everything in the cloud that has the mark of the build, except the images to keep. */
export function removeResources(
  { ref, steps }: Context,
  keepImages: string[],
  volumes: boolean | undefined,
): Promise<CleanupReport> {
  return steps.run(
    {
      name: 'cleanup',
      title: 'remove everything else that the build created',
      // One attempt may need sixty rounds of requests to the cloud, so it gets 30 minutes.
      budget: { total: SHORT.total, attempt: 1800 },
      note: ({ removed }) => (removed.length === 0 ? 'nothing was left' : `removed ${removed.join(', ')}`),
    },
    'removeResources',
    { ref, keepImages, ...(volumes === undefined ? {} : { volumes }) },
  );
}

/** Runs the clean-up, and shows what it has removed and left. A clean-up that fails does not change the outcome. */
async function cleanUp({ status }: Context, run: () => Promise<CleanupReport>): Promise<void> {
  try {
    const report = await run();
    status.status.removed = report.removed;
    status.status.leftovers = report.leftovers;
  } catch (error) {
    status.status.leftovers = [`not known, because the clean-up failed: ${describeFailure(error).message}`];
  }
}

/** Marks the resources of a failed build, so that `imagefactory gc` keeps them for the given seconds. */
async function keepResources({ ref, status, steps }: Context, seconds: number): Promise<void> {
  const until = Date.now() + seconds * 1000;
  status.status.leftovers = [];
  try {
    const { resources } = await steps.run(
      {
        name: 'keep',
        title: 'keep what the build created',
        note: (kept) => (kept.resources.length === 0 ? 'the build has no resources' : kept.resources.join(', ')),
      },
      'keepResources',
      { ref, until },
    );
    status.status.kept = { resources, until };
  } catch (error) {
    status.status.leftovers = [
      `not known, because the resources could not be marked: ${describeFailure(error).message}`,
    ];
  }
}

function toBuildFailure(error: unknown, model: BuildStatusModel): BuildFailure {
  const step = model.lastStep();
  if (isCanceled(error)) return { type: 'Canceled', step, message: 'the build was cancelled' };
  const { type, message, hint, consoleTail } = describeFailure(error);
  return { type, step, message, hint, consoleTail: consoleTail ?? model.status.consoleTail };
}

/** Closes the workflow of a build that has no result: as cancelled after a cancellation, otherwise as failed. */
function closeFailed(model: BuildStatusModel, error: unknown, failure: BuildFailure): never {
  if (isCanceled(error)) {
    model.end('CANCELED');
    throw new CancelledFailure(failure.message);
  }
  model.end('FAILED');
  const { leftovers = [] } = model.status;
  throw ApplicationFailure.create({
    message: `${failure.step}: ${failure.message}`,
    type: failure.type,
    nonRetryable: true,
    details: [leftovers.length === 0 ? failure : { ...failure, leftovers }],
  });
}
