import { DefaultLogger, type LogEntry, type Logger, type LogLevel } from '@temporalio/worker';
import pino from 'pino';
import { maskActiveSecrets } from './active-maskers.js';

export interface LoggerOptions {
  format: 'text' | 'json';
  /** One of trace, debug, info, warn, error. */
  level: string;
}

/** The log masks the values of all keys whose names match this pattern. */
const SECRET = /pass(word)?|secret|token|private_?key|rootpw|user_data|authorization/i;

/**
 * Copies a value. Masks the values of keys that match {@link SECRET} and the secrets of running builds, shortens arrays
 * to 50 items, and replaces objects that are nested more than four levels deep by `…`.
 */
export function maskFields(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return maskActiveSecrets(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 4) return '…';
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => maskFields(item, depth + 1));
  if (value instanceof Error) return { name: value.name, message: maskActiveSecrets(value.message) };
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    SECRET.test(key) ? '********' : maskFields(item, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

/** Selects the fields of a log entry that help a reader: the build, the workflow, the step, the attempt. */
function selectFields(entry: LogEntry): Record<string, unknown> {
  const { workflowId, activityType, attempt, ...others } = (entry.meta ?? {}) as Record<string, unknown>;
  const rest = { ...others };
  for (const noise of [
    'taskToken',
    'namespace',
    'workflowType',
    'taskQueue',
    'isLocal',
    'sdkComponent',
    'activityId',
    'runId',
  ])
    delete rest[noise];
  const build = typeof workflowId === 'string' ? /[0-9a-f]{8}-[0-9a-f-]{27}$/.exec(workflowId)?.[0] : undefined;
  return maskFields({ build, workflowId, step: activityType, attempt, ...rest }) as Record<string, unknown>;
}

function formatTextLine(entry: LogEntry): string {
  const time = new Date(Number(entry.timestampNanos / 1_000_000n)).toISOString();
  const fields = Object.entries(selectFields(entry))
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return `${time} ${entry.level.padEnd(5)} ${maskActiveSecrets(entry.message)}${fields.length === 0 ? '' : ` [${fields.join(' ')}]`}\n`;
}

/**
 * Messages of the SDK that we expect and leave out: two of our three workers have no workflows on purpose, and none has
 * Nexus services.
 */
const EXPECTED = /^No (Nexus services|workflows) registered/;

/** Creates the worker's logger: text lines, or one JSON object per line, on standard error. */
export function createWorkerLogger({ format, level }: LoggerOptions): Logger {
  const sink = pino({ level, base: undefined }, pino.destination(2));
  return new DefaultLogger(level.toUpperCase() as LogLevel, (entry) => {
    if (EXPECTED.test(entry.message)) return;
    if (format === 'text') process.stderr.write(formatTextLine(entry));
    else sink[entry.level.toLowerCase() as 'info'](selectFields(entry), maskActiveSecrets(entry.message));
  });
}
