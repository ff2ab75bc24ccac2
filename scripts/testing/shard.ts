import { guessSeconds, type TestFile } from './levels.js';

/** One of `count` shares of the test files. `index` counts from 1. */
export interface Shard {
  index: number;
  count: number;
}

/**
 * Parses a share such as `1/2`.
 *
 * @throws Error when the text has another form
 */
export function parseShard(text: string): Shard {
  const [index = NaN, count = NaN] = text.split('/').map(Number);
  if (!(index >= 1 && index <= count)) throw new Error(`--shard is ${text}, but must be like 1/2`);
  return { index, count };
}

/**
 * Returns the files of a share. The longest files are distributed first, so that all shares take about the same time.
 * All machines must get the same result, so the order uses the guessed times: measured times differ between machines.
 */
export function takeShard(files: TestFile[], { index, count }: Shard): TestFile[] {
  const dealt = [...files].sort(
    (one, other) => guessSeconds(other.path) - guessSeconds(one.path) || (one.path < other.path ? -1 : 1),
  );
  return dealt.filter((_, place) => place % count === index - 1);
}
