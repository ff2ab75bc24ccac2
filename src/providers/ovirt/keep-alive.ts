import type { Progress } from '../../domain/status.js';
import type { Operation } from '../types.js';
import type { Imageio } from './imageio.js';

/** Milliseconds between two signs of life. The engine pauses a transfer after {@link INACTIVITY_SECONDS}. */
const INTERVAL = 20_000;
/** Seconds without a call after which the engine pauses a transfer. Also imageio's limit for an idle connection. */
export const INACTIVITY_SECONDS = 120;

/**
 * Does some work, and shows the host meanwhile that its client lives, however slowly parts are sent, and the workflow
 * that the worker lives, however long the host computes.
 *
 * @param work gets the operation that it must use instead
 */
export async function keepAlive<T>(
  operation: Operation,
  imageio: Pick<Imageio, 'options'>,
  work: (operation: Operation) => Promise<T>,
  interval = INTERVAL,
): Promise<T> {
  const { signal, pollInterval, uploadRate, notes, creator } = operation;
  let last: Progress | undefined;
  const report = (progress: Progress): void => {
    last = progress;
    operation.report(progress);
  };
  const timer = setInterval(() => {
    if (signal.aborted) return;
    if (last !== undefined) operation.report(last);
    // A failure is not lost: the next part meets it too.
    imageio.options(signal).catch(() => undefined);
  }, interval);
  try {
    const sleep = (milliseconds: number): Promise<void> => operation.sleep(milliseconds);
    return await work({ signal, report, sleep, pollInterval, uploadRate, notes, creator });
  } finally {
    clearInterval(timer);
  }
}
