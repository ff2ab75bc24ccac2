import { DefaultLogger, type LogEntry, type Logger, type LogLevel } from '@temporalio/worker';
import pino from 'pino';
import { MASK } from '../domain/mask.js';
import { toPlainLine } from '../domain/plain-text.js';
import { maskActiveSecrets } from './active-maskers.js';

export interface LoggerOptions {
  format: 'text' | 'json';
  /** One of trace, debug, info, warn, error. */
  level: string;
  /** File at whose end the log is written. Default: standard error. */
  file?: string;
  /** Returns true while Temporal does not answer. The worker itself logs such an outage. */
  isOutage: () => boolean;
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
    SECRET.test(key) ? MASK : maskFields(item, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

/** Fields that the SDK adds to its entries, and that help no reader. */
const NOISE = [
  'taskToken',
  'namespace',
  'workflowType',
  'taskQueue',
  'isLocal',
  'sdkComponent',
  'activityId',
  'runId',
  'workflowRunId',
  'target',
];

/**
 * Selects the fields of a log entry that help a reader: the build, the workflow, the step, the attempt. The field
 * `error` is always a text, because a log store accepts only one type for a field.
 */
function selectFields(entry: LogEntry): Record<string, unknown> {
  const { workflowId, activityType, attempt, error, ...rest } = (entry.meta ?? {}) as Record<string, unknown>;
  // Only entries of the SDK have the field `sdkComponent`.
  if (rest['sdkComponent'] !== undefined) for (const name of NOISE) delete rest[name];
  const build = typeof workflowId === 'string' ? /[0-9a-f]{8}-[0-9a-f-]{27}$/.exec(workflowId)?.[0] : undefined;
  const text = error === undefined ? undefined : describeLoggedError(error);
  return maskFields({ build, workflowId, step: activityType, attempt, ...rest, error: text }) as Record<
    string,
    unknown
  >;
}

/** Describes an error by its type and its message, and then by those of its causes. */
export function describeLoggedError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : JSON.stringify(maskFields(error));
  const { type } = error as { type?: unknown };
  const own = `${typeof type === 'string' && type !== '' ? type : error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}; cause: ${describeLoggedError(error.cause)}`;
}

function formatTextLine(entry: LogEntry): string {
  const time = new Date(Number(entry.timestampNanos / 1_000_000n)).toISOString();
  const fields = Object.entries(selectFields(entry))
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  const text = `${maskActiveSecrets(entry.message)}${fields.length === 0 ? '' : ` [${fields.join(' ')}]`}`;
  // The texts may contain line breaks from guests and clouds, but an entry must be one line.
  return `${time} ${entry.level.padEnd(5)} ${toPlainLine(text)}\n`;
}

/**
 * Messages of the SDK that we expect and leave out: most of our workers have no workflows on purpose, and none has
 * Nexus services.
 */
const EXPECTED = /^No (Nexus services|workflows) registered/;

/** Milliseconds in which the same message of the SDK's core is logged only once. */
const REPEAT = 60_000;

/**
 * Leaves out repeated messages of the SDK's core. The core has forty pollers, and each of them logs each of its tries
 * to reach Temporal. During an outage, all these messages are left out, because the worker itself logs one line about
 * the outage.
 */
class CoreFilter {
  private readonly loggedAt = new Map<string, number>();

  constructor(private readonly isOutage: () => boolean) {}

  isWorthLogging({ message, meta }: LogEntry): boolean {
    const { sdkComponent, target } = (meta ?? {}) as { sdkComponent?: string; target?: string };
    if (sdkComponent !== 'core') return true;
    if (this.isOutage() && /client::retry|pollers/.test(target ?? '')) return false;
    // A message contains the number of tries. Without its numbers, the messages about all tries have the same key.
    const key = message.replace(/\d+/g, '');
    const now = Date.now();
    if (now - (this.loggedAt.get(key) ?? -Infinity) < REPEAT) return false;
    this.loggedAt.set(key, now);
    return true;
  }
}

/** Creates the worker's logger: text lines, or one JSON object per line. */
export function createWorkerLogger({ format, level, file, isOutage }: LoggerOptions): Logger {
  const stream = file === undefined ? undefined : pino.destination({ dest: file, mode: 0o600, sync: true });
  const sink = pino({ level, base: undefined }, stream ?? pino.destination(2));
  const core = new CoreFilter(isOutage);
  return new DefaultLogger(level.toUpperCase() as LogLevel, (entry) => {
    if (EXPECTED.test(entry.message) || !core.isWorthLogging(entry)) return;
    if (format === 'text') (stream ?? process.stderr).write(formatTextLine(entry));
    else sink[entry.level.toLowerCase() as 'info'](selectFields(entry), maskActiveSecrets(entry.message));
  });
}
