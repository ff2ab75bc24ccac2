/**
 * A text without its escapes. Shells, XML, JSON, YAML, Perl and kickstart escape characters by quotes, backslashes or
 * references. Texts that differ only in their escapes have the same codes, even if several of these languages are
 * nested.
 */
export interface Unescaped {
  /** The UTF-16 codes of the characters that are no quotes and no backslashes. */
  codes: Uint16Array;
  /** For each code, the offset in the original text where the character, or its escaped form, begins. */
  starts: Uint32Array;
  /** For each code, the offset in the original text directly after the character, or after its escaped form. */
  ends: Uint32Array;
  /**
   * For each code, the number of quotes and backslashes directly before it. The last member, which has no code, is the
   * number of quotes and backslashes at the end of the text.
   */
  dropped: Uint32Array;
}

const DOUBLE_QUOTE = 0x22;
const AMPERSAND = 0x26;
const SINGLE_QUOTE = 0x27;
const BACKSLASH = 0x5c;
const BACKTICK = 0x60;

function isDropped(code: number): boolean {
  return code === DOUBLE_QUOTE || code === SINGLE_QUOTE || code === BACKTICK || code === BACKSLASH;
}

/** Matches an XML reference, such as `&lt;`. If an XML document is inside another one, this reference is `&amp;lt;`. */
const REFERENCE = /&(?:amp;)*(?:(lt|gt|quot|apos)|#(\d{1,7})|#[xX]([\da-fA-F]{1,6}));|&(?:amp;)*/y;
/** Matches backslashes. If the number of a character follows them, as in JSON's `\u00e9`, matches this number too. */
const BACKSLASHES = /\\+(?:u([\da-fA-F]{4}))?/y;
const NAMED: Record<string, number> = { lt: 0x3c, gt: 0x3e, quot: DOUBLE_QUOTE, apos: SINGLE_QUOTE };
const LAST_CODE_POINT = 0x10ffff;

/** Removes the escapes from a text. Takes time in proportion to its length. */
export function unescapeText(text: string): Unescaped {
  return finish(unescapeInSteps(text));
}

/** Runs a generator to its end without a pause, and returns its result. */
export function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The number of characters after which work on a long text may pause. This work takes some milliseconds. */
export const CHARACTERS_PER_STEP = 32_768;

/** Like {@link unescapeText}, with a pause after each step of {@link CHARACTERS_PER_STEP}. */
export function* unescapeInSteps(text: string): Generator<void, Unescaped> {
  // The arrays have a fixed size, to save memory for a large text. The size is enough, because every code takes at
  // least one character of the text.
  const codes = new Uint16Array(text.length);
  const starts = new Uint32Array(text.length);
  const ends = new Uint32Array(text.length);
  const dropped = new Uint32Array(text.length + 1);
  let length = 0;
  const add = (code: number, start: number, end: number): void => {
    if (isDropped(code)) {
      dropped[length] = (dropped[length] ?? 0) + 1;
      return;
    }
    codes[length] = code;
    starts[length] = start;
    ends[length] = end;
    length++;
  };
  let pause = CHARACTERS_PER_STEP;
  for (let at = 0; at < text.length;) {
    if (at >= pause) {
      pause = at + CHARACTERS_PER_STEP;
      yield;
    }
    const code = text.charCodeAt(at);
    const special = code === AMPERSAND ? REFERENCE : code === BACKSLASH ? BACKSLASHES : undefined;
    if (special === undefined) {
      add(code, at, ++at);
      continue;
    }
    special.lastIndex = at;
    const [written = '', ...parts] = special.exec(text) ?? [];
    const end = at + written.length;
    if (code === BACKSLASH) dropped[length] = (dropped[length] ?? 0) + written.lastIndexOf('\\') + 1;
    for (const meant of code === AMPERSAND ? readReference(parts) : readNumber(parts)) add(meant, at, end);
    at = end;
  }
  return {
    codes: codes.subarray(0, length),
    starts: starts.subarray(0, length),
    ends: ends.subarray(0, length),
    dropped: dropped.subarray(0, length + 1),
  };
}

function readReference([name, decimal, hex]: (string | undefined)[]): number[] {
  if (name !== undefined) return [NAMED[name] ?? AMPERSAND];
  const point = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
  if (Number.isNaN(point) || point > LAST_CODE_POINT) return [AMPERSAND];
  const character = String.fromCodePoint(point);
  return Array.from({ length: character.length }, (_none, index) => character.charCodeAt(index));
}

function readNumber([hex]: (string | undefined)[]): number[] {
  return hex === undefined ? [] : [parseInt(hex, 16)];
}
