import { CUT } from '../domain/cut.js';
import { MASK } from '../domain/mask.js';
import { maskAddressPasswords } from '../os/passwords/address-passwords.js';
import { maskPrivateKeys } from '../os/passwords/private-keys.js';
import {
  CHARACTERS_PER_STEP,
  finish,
  unescapeInSteps,
  type Unescaped,
  unescapeText,
} from '../os/passwords/unescaped.js';
import { PatternSearch, ROOT } from './pattern-search.js';

/**
 * Minimum length, in characters, of a secret that we mask. At a place where a text was cut, it is also the minimum
 * length of the part of a secret that we mask. A shorter text also occurs in many places where it is not a secret.
 */
const SHORTEST = 4;

const CUT_CODE = CUT.charCodeAt(0);

/** Masks the secrets of one build in any text. */
export interface Masker {
  mask(text: string): string;
  /**
   * Masks like `mask`, but pauses after every {@link CHARACTERS_PER_STEP} characters, so that the caller can let other
   * work run. The steps are steps of one search, so a secret that crosses them is found too.
   */
  maskInSteps(text: string): Generator<void, string>;
}

/** The numbers of quotes and backslashes in a secret: before, between and after its other characters. */
interface Quotes {
  before: number;
  within: number;
  behind: number;
}

/** A group of secrets that are equal when their quotes and backslashes are removed. */
interface Pattern {
  codes: Uint16Array;
  /** The numbers of quotes and backslashes in each secret of the group. */
  quotes: Quotes[];
}

/** A part of a text: the indexes of its first code and of its last code (see {@link Unescaped}). */
type Part = [first: number, last: number];

/** A range of a text: the offset of its first character, and the offset after its last character. */
type Range = [from: number, to: number];

/** Creates a masker. It also masks the passwords of all addresses, and all private keys, in a text. */
export function createMasker(secrets: readonly string[]): Masker {
  const search = new SecretSearch(secrets);
  const maskForms = (text: string): string => maskPrivateKeys(maskAddressPasswords(text));
  return {
    mask: (text) => finish(search.mask(maskForms(text))),
    maskInSteps: (text) => search.mask(maskForms(text)),
  };
}

/** Creates a masker that shows no text at all, for builds whose secrets are not known. */
export function createBlindMasker(why: string): Masker {
  const mask = (text: string): string => (text === '' ? '' : `${MASK} (hidden: ${why})`);
  return {
    mask,
    *maskInSteps(text) {
      yield;
      return mask(text);
    },
  };
}

/**
 * Finds secrets in texts, however they are escaped there. Takes time in proportion to the length of the text. Where a
 * text was cut, it also finds the part of a secret that is left.
 */
class SecretSearch {
  private readonly patterns: Pattern[];
  private readonly forwards: PatternSearch;
  /**
   * The same patterns with their characters in reverse order. They find the end of a secret whose beginning was cut
   * off.
   */
  private readonly backwards: PatternSearch;
  /**
   * The length of the shortest secret that consists only of quotes and backslashes. Infinity when there is no such
   * secret.
   */
  private readonly onlyQuotes: number;

  constructor(secrets: readonly string[]) {
    const long = secrets.filter((secret) => secret.length >= SHORTEST);
    this.onlyQuotes = Math.min(
      ...long.filter((secret) => unescapeText(secret).codes.length === 0).map(({ length }) => length),
    );
    this.patterns = listPatterns(long.flatMap(listWritings));
    this.forwards = new PatternSearch(this.patterns.map(({ codes }) => codes));
    this.backwards = new PatternSearch(this.patterns.map(({ codes }) => codes.toReversed()));
  }

  *mask(text: string): Generator<void, string> {
    if (this.patterns.length === 0 && this.onlyQuotes === Infinity) return text;
    const read = yield* unescapeInSteps(text);
    const whole = yield* this.findWhole(read);
    // A spread into a call (`push(...parts)`) would exceed the stack for a text with very many parts.
    const parts = text.includes(CUT) ? [...whole, ...(yield* this.findCut(read))] : whole;
    return replaceRanges(text, [...toRanges(read, parts), ...this.findQuotes(text)]);
  }

  /** Finds the secrets that are complete. Secrets that overlap or touch become one part. */
  private *findWhole({ codes, dropped }: Unescaped): Generator<void, Part[]> {
    // sums[i] is the number of all quotes and backslashes before code i.
    let sum = 0;
    const sums = dropped.map((count) => (sum += count));
    const parts: Part[] = [];
    let node = ROOT;
    for (let last = 0; last < codes.length; last++) {
      if (last % CHARACTERS_PER_STEP === CHARACTERS_PER_STEP - 1) yield;
      node = this.forwards.step(node, codes[last] ?? 0);
      for (const index of this.forwards.endsAt(node)) {
        const { codes: own, quotes } = this.patterns[index] as Pattern;
        let first = last - own.length + 1;
        const before = dropped[first] ?? 0;
        const within = (sums[last] ?? 0) - (sums[first] ?? 0);
        const behind = dropped[last + 1] ?? 0;
        // A secret keeps its own quotes in every escaped form, so a text with fewer quotes is not the secret. Without
        // this check, the secret `i''t` would also mask the plain word `it`.
        const isWhole = quotes.some(
          (needed) => before >= needed.before && within >= needed.within && behind >= needed.behind,
        );
        if (!isWhole) continue;
        for (let other = parts.at(-1); other !== undefined && other[1] + 1 >= first; other = parts.at(-1)) {
          first = Math.min(first, other[0]);
          parts.pop();
        }
        parts.push([first, last]);
        break;
      }
    }
    return parts;
  }

  /**
   * Finds incomplete secrets where a text was cut: the beginning of a secret before the cut, and the end of a secret
   * after the cut.
   */
  private *findCut({ codes }: Unescaped): Generator<void, Part[]> {
    const parts: Part[] = [];
    let node = ROOT;
    for (let at = 0; at < codes.length; at++) {
      if (at % CHARACTERS_PER_STEP === CHARACTERS_PER_STEP - 1) yield;
      const length = this.forwards.depth[node] ?? 0;
      if (codes[at] === CUT_CODE && length >= SHORTEST) parts.push([at - length, at - 1]);
      node = this.forwards.step(node, codes[at] ?? 0);
    }
    node = ROOT;
    for (let at = codes.length - 1; at >= 0; at--) {
      if (at % CHARACTERS_PER_STEP === CHARACTERS_PER_STEP - 1) yield;
      const length = this.backwards.depth[node] ?? 0;
      if (codes[at] === CUT_CODE && length >= SHORTEST) parts.push([at + 1, at + length]);
      node = this.backwards.step(node, codes[at] ?? 0);
    }
    return parts;
  }

  /** Finds the secrets that consist only of quotes and backslashes. */
  private *findQuotes(text: string): Generator<Range> {
    if (this.onlyQuotes === Infinity) return;
    for (const { 0: run, index } of text.matchAll(/["'`\\]+/g))
      if (run.length >= this.onlyQuotes) yield [index, index + run.length];
  }
}

/** Converts parts to offsets of the original text. */
function toRanges({ starts, ends }: Unescaped, parts: Part[]): Range[] {
  return parts.map(([first, last]) => [starts[first] ?? 0, ends[last] ?? 0]);
}

/**
 * Lists the forms in which a text may contain a secret with control characters, such as line breaks: the secret itself,
 * the secret as JSON and YAML write it (a line break is `\n`), and its single lines, because programs may print the
 * lines one by one. Every other secret has only one form.
 */
function listWritings(secret: string): string[] {
  if (!/[\0-\x1f]/.test(secret)) return [secret];
  const lines = secret.split(/[\r\n]+/).filter((line) => line.length >= SHORTEST);
  return [secret, JSON.stringify(secret).slice(1, -1), ...lines];
}

/**
 * Creates the patterns for the secrets. Secrets that differ only in quotes and backslashes share a pattern. A secret
 * that consists only of quotes and backslashes has no pattern.
 */
function listPatterns(secrets: string[]): Pattern[] {
  const patterns = new Map<string, Pattern>();
  for (const secret of new Set(secrets)) {
    const { codes, dropped } = unescapeText(secret);
    if (codes.length === 0) continue;
    const before = dropped[0] ?? 0;
    const behind = dropped[codes.length] ?? 0;
    const within = dropped.reduce((sum, count) => sum + count, 0) - before - behind;
    const key = codes.join();
    const { quotes } = patterns.get(key) ?? { quotes: [] };
    patterns.set(key, { codes, quotes: [...quotes, { before, within, behind }] });
  }
  return [...patterns.values()];
}

/** Replaces ranges of a text by the mask. Ranges that overlap become one. */
function replaceRanges(text: string, ranges: Range[]): string {
  ranges.sort(([one], [other]) => one - other);
  const pieces: string[] = [];
  let behind = 0;
  let masked: number | undefined;
  for (const [from, to] of ranges) {
    if (masked === undefined || from > masked) {
      pieces.push(text.slice(behind, from), MASK);
      masked = to;
    }
    masked = Math.max(masked, to);
    behind = masked;
  }
  return pieces.join('') + text.slice(behind);
}
