import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT, runProgram } from '../dev-cloud.js';
import { compiledFile } from './compile.js';
import { filesOf, type Level } from './levels.js';
import { failureText, type JobResult } from './run-file.js';

/** Reads the lowest Node version that the package supports: `engines` of package.json. */
async function lowestNode(): Promise<string> {
  const { engines } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  return engines.node.replace('>=', '');
}

/**
 * Reads how many tests passed, failed or were skipped. The `spec` reporter of Node prints these counts at the end, as
 * `ℹ pass 12`.
 */
function countOf(lines: string[], what: 'pass' | 'fail' | 'skipped'): number {
  const found = lines.map((line) => new RegExp(`^ℹ ${what} (\\d+)$`).exec(line)?.[1]).find(Boolean);
  return Number(found ?? 0);
}

/**
 * Runs a level's compiled tests with the lowest Node version. When the machine has another version, scripts/node.sh
 * fetches the lowest version from npm into `.cache/`. Prints the output of the tests only when a test fails.
 *
 * @returns the counts; all are zero when this process has the lowest Node version, because then the level itself runs
 * with it
 */
export async function runOnLowestNode(level: Level): Promise<JobResult> {
  const began = Date.now();
  const version = await lowestNode();
  const nothing: JobResult = { passed: 0, failed: 0, skipped: 0, seconds: 0, failures: [] };
  if (version === process.versions.node) return nothing;
  const { stdout } = await promisify(execFile)(join(PROJECT, 'scripts/node.sh'), [version]);
  const files = (await filesOf(level)).map(({ path }) => compiledFile(path));
  const lines: string[] = [];
  const limits = ['--test-concurrency=1', `--test-timeout=${level.fileMinutes * 60_000}`];
  const args = ['--enable-source-maps', '--test', ...limits, '--test-reporter=spec', ...files];
  const code = await runProgram(join(stdout.trim(), 'node'), args, { onLine: (line) => lines.push(line) });
  const seconds = (Date.now() - began) / 1000;
  const [passed, failed, skipped] = (['pass', 'fail', 'skipped'] as const).map((what) => countOf(lines, what));
  const result = { ...nothing, passed: passed ?? 0, failed: failed ?? 0, skipped: skipped ?? 0, seconds };
  if (code === 0) return result;
  process.stdout.write(`${lines.join('\n')}\n`);
  const failing = lines.slice(lines.findIndex((line) => line.startsWith('✖ failing tests')));
  const failures = [failureText(`${level.name} on Node ${version}`, new Error(failing.join('\n')))];
  return { ...result, failed: Math.max(result.failed, 1), failures };
}
