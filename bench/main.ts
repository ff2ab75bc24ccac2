import { findTemporalBinary } from '../src/cli/dev-server/temporal-binary.js';
import { describeMachine } from './report.js';

/** The benchmarks by name: `npm run bench -- NAME …` runs only these. */
const BENCHMARKS: Record<string, () => Promise<void>> = {
  overhead: async () => (await import('./overhead.js')).measureOverhead(),
  many: async () => (await import('./many.js')).measureMany(),
  waiting: async () => (await import('./waiting.js')).measureWaiting(),
  cancel: async () => (await import('./cancel.js')).measureCancel(),
  crash: async () => (await import('./crash.js')).measureCrash(),
  shell: async () => (await import('./shell.js')).measureShell(),
  download: async () => (await import('./download.js')).measureDownload(),
  completion: async () => (await import('./completion.js')).measureCompletion(),
  targets: async () => (await import('./targets.js')).measureTargets(),
  hostile: async () => (await import('./hostile.js')).measureHostile(),
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  process.stderr.write(
    `unknown benchmark: ${unknown.join(', ')}; the benchmarks are: ${Object.keys(BENCHMARKS).join(', ')}\n`,
  );
  process.exit(2);
}
process.env['TEMPORAL_CLI'] ??= await findTemporalBinary({ say: (line) => process.stderr.write(`${line}\n`) });
process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${describeMachine()}\n`);
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  process.stderr.write(`measuring ${name} …\n`);
  await run();
}
