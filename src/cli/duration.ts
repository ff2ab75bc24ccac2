import { UsageError } from '../client/errors.js';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of a duration as people write it: `90s`, `30m`, `24h`, `30d`; a bare number is seconds. @throws UsageError */
export function parseDuration(what: string, value: unknown): number {
  const match = /^(\d{1,9})\s*([smhd]?)$/i.exec(String(value).trim());
  if (match !== null) return Number(match[1]) * SECONDS[(match[2]?.toLowerCase() || 's') as keyof typeof SECONDS];
  throw new UsageError(`${what}: ${JSON.stringify(value)} is not a duration`, {
    hint: 'write a number and s, m, h or d: 90s, 30m, 24h, 30d',
  });
}
