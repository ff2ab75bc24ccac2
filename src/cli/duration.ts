import { UsageError } from './errors.js';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * Parses a duration to seconds: `90s`, `30m`, `24h`, `30d`; a bare number is seconds.
 *
 * @param option name of the option or parameter, for the message
 * @throws UsageError when the value is not a duration
 */
export function parseDuration(option: string, value: unknown): number {
  const match = /^(\d{1,9})\s*([smhd]?)$/i.exec(String(value).trim());
  if (match !== null) return Number(match[1]) * SECONDS[(match[2]?.toLowerCase() || 's') as keyof typeof SECONDS];
  throw new UsageError(`${option}: ${JSON.stringify(value)} is not a duration`, {
    hint: 'write a number and s, m, h or d: 90s, 30m, 24h, 30d',
  });
}
