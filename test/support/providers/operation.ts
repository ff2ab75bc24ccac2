import type { Progress } from '../../../src/domain/status.js';
import type { Operation } from '../../../src/providers/types.js';

/** An operation for tests, with the notes and the progress that it has got. */
export interface TestOperation extends Operation {
  notes: Operation['notes'] & { texts: Map<string, string> };
  progress: Progress[];
}

/**
 * Makes an operation that keeps its notes in memory, as they are for the attempts of one push: give the notes of the
 * first attempt to the second.
 */
export function createOperation(
  options: {
    signal?: AbortSignal;
    notes?: Map<string, string>;
    uploadRate?: number;
    /** Called with each report, for tests that stop an attempt in its middle. */
    onReport?: (progress: Progress) => void;
  } = {},
): TestOperation {
  const texts = options.notes ?? new Map<string, string>();
  const progress: Progress[] = [];
  const signal = options.signal ?? new AbortController().signal;
  return {
    signal,
    pollInterval: 1,
    uploadRate: options.uploadRate,
    creator: 'test:1',
    progress,
    notes: {
      texts,
      read: async (name) => texts.get(name),
      write: async (name, text) => void texts.set(name, text),
    },
    report: (report) => {
      progress.push(report);
      options.onReport?.(report);
    },
    sleep: async () => {
      // A turn of the event loop is all that a fake needs.
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    },
  };
}
