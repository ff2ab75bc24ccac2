import { ApplicationFailure, CancellationScope, CancelledFailure } from '@temporalio/workflow';
import type { BuildFailure } from '../build/status.js';
import type { BuildRef } from '../build/names.js';
import type { Board } from './board.js';
import { describeFailure, isCanceled } from './failures.js';

/** What the clean-up must leave alone. */
export interface Keep {
  keepImages: string[];
}

/**
 * Runs a lifecycle and ends it, whatever happens: clean-up runs where no cancellation reaches it, is retried until the
 * cloud says that each thing is gone, and reports what it could not remove. It finds things by the build's mark, so it
 * needs no list of what was made: also what a lost reply left behind goes (laws 1 and 2).
 *
 * @param kept what a good result consists of
 * @param finish last words, said after the clean-up: the record, for instance
 */
export async function endOf<R>(
  board: Board,
  ref: BuildRef,
  lifecycle: () => Promise<R>,
  kept: (result: R) => Promise<Keep>,
  finish: (result: R | undefined, failure: BuildFailure | undefined) => Promise<void> = async () => {},
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
    const nothingMade = board.status.phase === 'plan';
    board.enter('cleanup', 2);
    const keep = result === undefined ? { keepImages: [] } : await kept(result);
    if (nothingMade) board.status.leftovers = [];
    else await cleanUp(board, ref, keep);
    await finish(result, failure);
    if ('result' in outcome) {
      board.end('COMPLETE', keep.keepImages[0]);
      return outcome.result;
    }
    return fail(board, outcome.error, board.status.failure as BuildFailure);
  });
}

async function cleanUp(board: Board, ref: BuildRef, keep: Keep): Promise<void> {
  try {
    const swept = await board.step(
      {
        name: 'cleanup',
        title: 'remove everything else that the build made',
        note: (report) => (report.removed.length === 0 ? 'nothing was left' : `removed ${report.removed.join(', ')}`),
      },
      'removeResources',
      { ref, keepImages: keep.keepImages },
    );
    board.status.leftovers = swept.leftovers;
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
  throw ApplicationFailure.create({
    message: `${failure.step}: ${failure.message}`,
    type: failure.type,
    nonRetryable: true,
    details: [failure],
  });
}
