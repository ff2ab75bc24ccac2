const POWERS = ['', 'k', 'm', 'g', 't', 'p', 'e', 'z', 'y'];

/**
 * Maximum number of digits of a size. No real disk size has so many. The limit keeps us from calculating with a hostile
 * number.
 */
const MOST_DIGITS = 30;

/**
 * Parses a disk size of TDL to bytes: digits, optional spaces, and a unit in upper or lower case. Without a unit, the
 * size is in GiB. G and T mean GiB and TiB; B means bytes; kB, MB … YB are powers of 1000, KiB, MiB … YiB powers of
 * 1024.
 *
 * @returns the bytes, or a message about the mistake
 */
export function parseSize(text: string): { bytes: bigint } | { wrong: string } {
  const match = /^(\d+)\s*([a-z]*)$/i.exec(text.trim());
  const [, digits = '', unit = ''] = match ?? [];
  if (match === null) {
    return {
      wrong: `${JSON.stringify(text.trim())} is not a size: write a whole number and a unit, such as 20, 20GiB or 500MB`,
    };
  }
  if (digits.length > MOST_DIGITS) return { wrong: `a size may have at most ${MOST_DIGITS} digits` };
  const factor = findFactor(unit.toLowerCase());
  if (factor !== undefined) return { bytes: BigInt(digits) * factor };
  const letter = /^[kmpezy]$/i.test(unit) ? unit.toUpperCase() : undefined;
  const advice =
    letter === undefined
      ? 'write no unit for GiB, or one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB'
      : `write ${digits}${letter === 'K' ? 'k' : letter}B (powers of 1000) or ${digits}${letter}iB (powers of 1024)`;
  return { wrong: `${JSON.stringify(unit)} is not a unit of size: ${advice}` };
}

function findFactor(unit: string): bigint | undefined {
  if (unit === '' || unit === 'g') return 1024n ** 3n;
  if (unit === 't') return 1024n ** 4n;
  if (unit === 'b') return 1n;
  const match = /^([kmgtpezy])(i?)b$/.exec(unit);
  if (match?.[1] === undefined) return undefined;
  return (match[2] === 'i' ? 1024n : 1000n) ** BigInt(POWERS.indexOf(match[1]));
}
