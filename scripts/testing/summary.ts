import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE, PROJECT } from '../dev-cloud.js';
import type { JobResult } from './run-file.js';

/** The result of one test file, or of one command. */
export interface FileResult extends JobResult {
  /** The level of the file, or the command's name. */
  stage: string;
  /** Path of the file in the project. */
  file: string;
  /** When the file started, in milliseconds since 1970. */
  began: number;
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;

function sum(results: JobResult[], key: 'passed' | 'failed' | 'skipped' | 'cpuSeconds'): number {
  return results.reduce((total, result) => total + (result[key] ?? 0), 0);
}

export function countsOf(results: JobResult[]): Counts {
  return { passed: sum(results, 'passed'), failed: sum(results, 'failed'), skipped: sum(results, 'skipped') };
}

/**
 * Sums up a stage. Its duration is the time from the start of its first file to the end of its last file, because the
 * files of different stages run at the same time.
 */
function stageOf(results: FileResult[]): Counts & { seconds: number; cpuSeconds: number } {
  const began = Math.min(...results.map((result) => result.began));
  const ended = Math.max(...results.map((result) => result.began + result.seconds * 1000));
  return {
    ...countsOf(results),
    seconds: round((ended - began) / 1000),
    cpuSeconds: round(sum(results, 'cpuSeconds')),
  };
}

async function git(...args: string[]): Promise<string> {
  return (await promisify(execFile)('git', args, { cwd: PROJECT })).stdout.trim();
}

/**
 * Writes `.cache/test-summary.json`: `{commit, dirty, passed, failed, skipped, stages, files}`. Tools outside the
 * project read this file, so its keys must not change.
 */
export async function writeSummary(results: FileResult[]): Promise<void> {
  const names = [...new Set(results.map(({ stage }) => stage))];
  const stages = names.map((stage) => ({ stage, ...stageOf(results.filter((result) => result.stage === stage)) }));
  const files = results.map(({ file, stage, passed, failed, skipped, seconds, cpuSeconds }) => {
    const cpu = cpuSeconds === undefined ? {} : { cpuSeconds: round(cpuSeconds) };
    return { file, stage, passed, failed, skipped, seconds: round(seconds), ...cpu };
  });
  const summary = {
    // Without git or without a repository, the commit is not known.
    commit: await git('rev-parse', 'HEAD').catch(() => null),
    dirty: await git('status', '--porcelain').then((changes) => changes !== '', () => null), // prettier-ignore
    ...countsOf(results),
    stages,
    files: files.sort((one, other) => other.seconds - one.seconds),
  };
  await writeFile(join(CACHE, 'test-summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
}
