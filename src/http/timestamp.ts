/**
 * Parses a time from an OpenStack service: ISO 8601. A time without a zone is UTC (Nova's key pairs, `launched_at`).
 * @returns milliseconds since the epoch; undefined if there is no time or it cannot be parsed
 */
export function parseTimestamp(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const milliseconds = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}
