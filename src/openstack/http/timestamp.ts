/**
 * A time as OpenStack's services write it: ISO 8601, in UTC even where it does not say so (Nova's key pairs, `launched_at`).
 * @returns milliseconds since the epoch; undefined where there is none
 */
export function parseTimestamp(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const moment = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(moment) ? undefined : moment;
}
