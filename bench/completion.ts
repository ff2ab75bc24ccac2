import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { COMPLETE_WORD } from '../src/cli/completion/scripts.js';
import { computePercentile, printReport } from './report.js';
import { PROGRAM } from './worker.js';

/** How often each line is completed. */
const ROUNDS = 20;

/** Measures how long a shell waits for the candidates after the Tab key, beside Node's own start. */
export async function measureCompletion(): Promise<void> {
  const cache = await mkdtemp(join(tmpdir(), 'imagefactory-bench-'));
  const ask = (...words: string[]): string[] => [PROGRAM, COMPLETE_WORD, 'imagefactory', ...words];
  // Nothing listens at this port, so the builds are looked for while Temporal is away.
  const env = { ...process.env, XDG_CACHE_HOME: cache, TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const lines = {
    'Node alone, with an empty script': ['--eval', ''],
    parameters: ask('base_image', '--parameter', ''),
    'UUIDs, while Temporal does not answer': ask('status', ''),
  };
  const times = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, args] of Object.entries(lines)) {
      const begun = performance.now();
      await promisify(execFile)(process.execPath, args, { env });
      times.set(name, [...(times.get(name) ?? []), performance.now() - begun]);
    }
  }
  await rm(cache, { recursive: true });
  printReport(
    'Completion in a shell',
    `${ROUNDS} rounds of each line, in turn: the median of the time from the start of the process to its end.`,
    [...times].map(([name, values]) => ({
      name,
      value: `${Math.round(computePercentile(values, 50))} ms`,
      ...(name.startsWith('Node') ? {} : { aim: '< 200 ms' }),
    })),
  );
}
