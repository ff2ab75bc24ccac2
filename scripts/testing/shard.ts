import { guessSeconds, type TestFile } from './levels.js';

/** A share of the files: the `index`-th of `count`, from 1. */
export interface Shard {
  index: number;
  count: number;
}

/** Reads `1/2`. */
export function parseShard(text: string): Shard {
  const [index = NaN, count = NaN] = text.split('/').map(Number);
  if (!(index >= 1 && index <= count)) throw new Error(`--shard is ${text}, but must be like 1/2`);
  return { index, count };
}

/**
 * The files of a share. Those that take longest are dealt first, so that all shares take about as long; by the guess,
 * not
 * by what was measured: the machines must agree.
 */
export function takeShard(files: TestFile[], { index, count }: Shard): TestFile[] {
  const dealt = [...files].sort(
    (one, other) => guessSeconds(other.path) - guessSeconds(one.path) || (one.path < other.path ? -1 : 1),
  );
  return dealt.filter((_, place) => place % count === index - 1);
}
