import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { CPU_FOLDER, cpuFile } from '../../test/support/file-process.js';
import { PROJECT } from '../dev-cloud.js';
import { compiledFile } from './compile.js';

/** Number of lines of each failure's text that we print again at the end of the run. */
const FAILURE_LINES = 6;

/** The result of a test file or of another job. The counts are of tests, not of the suites that contain them. */
export interface JobResult {
  passed: number;
  failed: number;
  skipped: number;
  /** Wall time in seconds. */
  seconds: number;
  /** CPU time, in seconds, of the process and its children. Unset when it is not known. */
  cpuSeconds?: number;
  /** One text for each failure: the failed test, and the error. */
  failures: string[];
}

interface Failure extends Error {
  cause?: unknown;
  failureType?: string;
  /** How the process of a file has ended. Set when the file itself has failed, and no test of it. */
  exitCode?: number | null;
  signal?: string | null;
}

/**
 * Follows the running tests of a file. The path of a test consists of the names of the `describe`s around it, and its
 * own name.
 */
class TestPath {
  private readonly names: string[] = [];

  begin(nesting: number, name: string): void {
    this.names.length = nesting;
    this.names.push(name);
  }

  /** Returns the path of a test that has just been reported. */
  of(nesting: number, name: string): string {
    return [...this.names.slice(0, nesting), name].join(' > ');
  }
}

/** Returns where a failure happened, and the first lines of its error. */
export function failureText(where: string, error: Failure): string {
  const { cause } = error;
  const text = cause instanceof Error ? cause.message : String(cause ?? error.message);
  return [where, ...text.split('\n').slice(0, FAILURE_LINES)].join('\n   ');
}

/**
 * Returns how the process of a file has ended, and the last lines of its standard error. Without them nobody can know
 * why a process failed after its last test.
 */
function processEndText({ exitCode, signal }: Failure, errorLines: string[]): string {
  const end = typeof signal === 'string' ? `signal ${signal}` : `exit status ${exitCode ?? 'unknown'}`;
  return [`the process ended with ${end}`, ...errorLines.slice(-FAILURE_LINES)].join('\n   ');
}

/**
 * Runs a test file in its own process, and prints its results when it has ended.
 *
 * @param source path of the source of the test file
 * @param minutes time limit, so that a file that hangs does not use up the time of other files
 * @param signal when it is aborted, the test file stops
 */
export async function runFile(source: string, minutes: number, signal: AbortSignal): Promise<JobResult> {
  const result: JobResult = { passed: 0, failed: 0, skipped: 0, seconds: 0, failures: [] };
  const name = relative(PROJECT, source);
  const compiled = compiledFile(source);
  const began = Date.now();
  const path = new TestPath();
  const unfinished = new Set<string>();
  const errorLines: string[] = [];
  const stream = run({ files: [compiled], concurrency: 1, timeout: minutes * 60_000, signal });
  stream.on('test:dequeue', (test) => {
    if (test.name !== compiled) unfinished.add(test.name);
  });
  stream.on('test:complete', (test) => unfinished.delete(test.name));
  stream.on('test:start', (test) => path.begin(test.nesting, test.name));
  stream.on('test:stderr', ({ message }) => errorLines.push(...message.trimEnd().split('\n')));
  stream.on('test:pass', ({ details, skip }) => {
    if (details.type === 'suite') return;
    if (skip !== undefined && skip !== false) result.skipped += 1;
    else result.passed += 1;
  });
  stream.on('test:fail', (test) => {
    const error = test.details.error as Failure;
    // A suite fails when one of its tests fails, but we have already counted that test. So we count a suite only when a
    // hook (its set-up or tear-down) has failed.
    if (test.todo !== undefined || (test.details.type === 'suite' && error.failureType !== 'hookFailed')) return;
    result.failed += 1;
    // A file itself fails when its time is over. Then we only know the tests that had not ended.
    if (test.name !== compiled) {
      result.failures.push(failureText(`${name}: ${path.of(test.nesting, test.name)}`, error));
      return;
    }
    const where = failureText(`${name}, in ${[...unfinished].join(' > ') || 'none of its tests'}`, error);
    result.failures.push(`${where}\n   ${processEndText(error, errorLines)}`);
  });
  let text = '';
  for await (const part of stream.filter(isShown).compose(new spec()) as AsyncIterable<string>) text += part;
  result.seconds = (Date.now() - began) / 1000;
  const cpuSeconds = await readCpuSeconds(compiled);
  if (cpuSeconds !== undefined) result.cpuSeconds = cpuSeconds;
  const cpu = cpuSeconds === undefined ? '' : `, CPU ${Math.round(cpuSeconds)} s`;
  process.stdout.write(`== ${name}: ${countsText(result)} in ${Math.round(result.seconds)} s${cpu}\n${text}`);
  return result;
}

/**
 * Checks whether an event is printed. The counts of a single file are not printed, because the counts of all files are
 * printed at the end.
 */
function isShown({ type, data }: { type: string; data: { nesting: number } }): boolean {
  return type !== 'test:diagnostic' || data.nesting > 0;
}

async function readCpuSeconds(testFile: string): Promise<number | undefined> {
  const text = await readFile(cpuFile(process.env[CPU_FOLDER] ?? '', testFile), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number(text);
}

export function countsText({ passed, failed, skipped }: Pick<JobResult, 'passed' | 'failed' | 'skipped'>): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
