import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { CPU_FOLDER, cpuFile } from '../../test/support/file-process.js';
import { PROJECT } from '../dev-cloud.js';
import { compiledFile } from './compile.js';

/** Lines of a failure's text that are repeated at the end. */
const FAILURE_LINES = 6;

/** What came of a file of tests, or of another job. Suites are not counted, only the tests in them. */
export interface JobResult {
  passed: number;
  failed: number;
  skipped: number;
  /** Wall time. */
  seconds: number;
  /** CPU time of its process and of that process's children; undefined where it is not known. */
  cpuSeconds?: number;
  /** What failed, and why. */
  failures: string[];
}

interface Failure extends Error {
  cause?: unknown;
  failureType?: string;
}

/** The path of the running tests of a file: the names of its `describe`s, and of the test. */
class TestPath {
  private readonly names: string[] = [];

  begin(nesting: number, name: string): void {
    this.names.length = nesting;
    this.names.push(name);
  }

  /** The path of a test that has just been reported. */
  of(nesting: number, name: string): string {
    return [...this.names.slice(0, nesting), name].join(' > ');
  }
}

/** The first lines of why something failed. */
export function failureText(where: string, error: Failure): string {
  const { cause } = error;
  const text = cause instanceof Error ? cause.message : String(cause ?? error.message);
  return [where, ...text.split('\n').slice(0, FAILURE_LINES)].join('\n   ');
}

/**
 * Runs a file of tests in a process of its own, and prints its tests when it has ended.
 *
 * @param source path of its source
 * @param minutes that it may take: a file that hangs must not take the time of the others
 * @param signal ends it
 */
export async function runFile(source: string, minutes: number, signal: AbortSignal): Promise<JobResult> {
  const result: JobResult = { passed: 0, failed: 0, skipped: 0, seconds: 0, failures: [] };
  const name = relative(PROJECT, source);
  const compiled = compiledFile(source);
  const began = Date.now();
  const path = new TestPath();
  const unfinished = new Set<string>();
  const stream = run({ files: [compiled], concurrency: 1, timeout: minutes * 60_000, signal });
  stream.on('test:dequeue', (test) => {
    if (test.name !== compiled) unfinished.add(test.name);
  });
  stream.on('test:complete', (test) => unfinished.delete(test.name));
  stream.on('test:start', (test) => path.begin(test.nesting, test.name));
  stream.on('test:pass', ({ details, skip }) => {
    if (details.type === 'suite') return;
    if (skip !== undefined && skip !== false) result.skipped += 1;
    else result.passed += 1;
  });
  stream.on('test:fail', (test) => {
    const error = test.details.error as Failure;
    // A suite fails with its tests; by itself only when it cannot be set up or cleared away.
    if (test.todo !== undefined || (test.details.type === 'suite' && error.failureType !== 'hookFailed')) return;
    result.failed += 1;
    // A file itself fails when its time is over: in which of its tests is all that is known of why.
    if (test.name !== compiled)
      result.failures.push(failureText(`${name}: ${path.of(test.nesting, test.name)}`, error));
    else result.failures.push(failureText(`${name}, in ${[...unfinished].join(' > ') || 'none of its tests'}`, error));
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

/** All but the counts of one file, which are of no interest beside those of all. */
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
