import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
} from '@temporalio/workflow';
import type { BuildFailure } from '../../domain/status.js';
import type { BuildRef } from '../../domain/names.js';
import { SHORT } from './activity-options.js';
import type { Board } from './step-runner.js';
import { describeFailure, isCanceled } from './failures.js';

/** What the clean-up must leave alone. */
export interface Keep {
  keepImages: string[];
}

/** How a lifecycle ends. */
export interface Ending<R> {
  /** What a good result consists of. */
  kept: (result: R) => Keep;
  /** Last words, said after the clean-up: the record, for instance. */
  finish?: (result: R | undefined, failure: BuildFailure | undefined) => Promise<void>;
  /** Gives back what the build holds in its project's line, once its things are gone. */
  leave: () => Promise<void>;
  /** Whether nothing is there that has to be removed before the plan is made. Default true. */
  startsWithNothing?: boolean;
  /** Whether it may have made volumes. Default true. */
  volumes?: () => boolean;
  /** Seconds for which what a failed build has made is kept; undefined removes it. */
  keepFailed?: () => number | undefined;
}

/**
 * Runs a lifecycle and ends it, whatever happens: clean-up runs where no cancellation reaches it, is retried until the
 * cloud says that each thing is gone, and reports what it could not remove. It finds things by the build's mark, so it
 * needs no list of what was made: also what a lost reply left behind goes (laws 1 and 2).
 */
export async function endOf<R>(
  board: Board,
  ref: BuildRef,
  lifecycle: () => Promise<R>,
  ending: Ending<R>,
): Promise<R> {
  let outcome: { result: R } | { error: unknown };
  try {
    outcome = { result: await lifecycle() };
  } catch (error) {
    outcome = { error };
  }
  return CancellationScope.nonCancellable(async () => {
    const result = 'result' in outcome ? outcome.result : undefined;
    const failure = 'error' in outcome ? failureOf(outcome.error, board) : undefined;
    if (failure !== undefined) board.status.failure = failure;
    // A plan makes nothing; and where the cloud is unknown or refuses us, there would be no cleaning up either.
    const nothingMade = board.status.phase === 'plan' && (ending.startsWithNothing ?? true);
    board.enter('cleanup', 2);
    const keep = result === undefined ? { keepImages: [] } : ending.kept(result);
    const keepFor = failure === undefined || failure.type === 'Canceled' ? undefined : ending.keepFailed?.();
    if (nothingMade) board.status.leftovers = [];
    else if (keepFor !== undefined) await keepAll(board, ref, keepFor);
    else await cleanUp(board, ref, keep, ending.volumes?.());
    await ending.leave();
    await ending.finish?.(result, failure);
    await condition(allHandlersFinished);
    if ('result' in outcome) {
      board.end('COMPLETE', keep.keepImages[0]);
      return outcome.result;
    }
    return fail(board, outcome.error, board.status.failure as BuildFailure);
  });
}

async function cleanUp(board: Board, ref: BuildRef, keep: Keep, volumes?: boolean): Promise<void> {
  try {
    const swept = await board.step(
      {
        name: 'cleanup',
        title: 'remove everything else that the build made',
        // It may ask the cloud sixty times.
        budget: { total: SHORT.total, attempt: 1800 },
        note: (report) => (report.removed.length === 0 ? 'nothing was left' : `removed ${report.removed.join(', ')}`),
      },
      'removeResources',
      { ref, keepImages: keep.keepImages, ...(volumes === undefined ? {} : { volumes }) },
    );
    board.status.removed = swept.removed;
    board.status.leftovers = swept.leftovers;
  } catch (error) {
    board.status.leftovers = [`not known: ${describeFailure(error).message}`];
  }
}

/** Marks what a failed build has made, so that the sweeper leaves it for so many seconds. */
async function keepAll(board: Board, ref: BuildRef, seconds: number): Promise<void> {
  const until = Date.now() + seconds * 1000;
  board.status.leftovers = [];
  try {
    const { things } = await board.step(
      {
        name: 'keep',
        title: 'keep what the build has made',
        note: (kept) => (kept.things.length === 0 ? 'there is nothing' : kept.things.join(', ')),
      },
      'keepResources',
      { ref, until },
    );
    board.status.kept = { things, until };
  } catch (error) {
    board.status.leftovers = [`not known: ${describeFailure(error).message}`];
  }
}

function failureOf(error: unknown, board: Board): BuildFailure {
  const step = board.lastStep();
  if (isCanceled(error)) return { type: 'Canceled', step, message: 'the build was cancelled' };
  const { type, message, hint, consoleTail } = describeFailure(error);
  return { type, step, message, hint, consoleTail: consoleTail ?? board.status.consoleTail };
}

/** Closes the workflow: cancelled when somebody asked for that, failed with words for people otherwise. */
function fail(board: Board, error: unknown, failure: BuildFailure): never {
  if (isCanceled(error)) {
    board.end('CANCELED');
    throw new CancelledFailure(failure.message);
  }
  board.end('FAILED');
  const { leftovers = [] } = board.status;
  throw ApplicationFailure.create({
    message: `${failure.step}: ${failure.message}`,
    type: failure.type,
    nonRetryable: true,
    details: [leftovers.length === 0 ? failure : { ...failure, leftovers }],
  });
}
