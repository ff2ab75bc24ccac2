import { findTemporalBinary } from '../src/cli/dev-server/temporal-binary.js';
import { machine } from './report.js';

/** What there is to measure; a name is enough to measure it alone. */
const BENCHMARKS: Record<string, () => Promise<void>> = {
  overhead: async () => (await import('./overhead.js')).overhead(),
  many: async () => (await import('./many.js')).many(),
  waiting: async () => (await import('./waiting.js')).waiting(),
  cancel: async () => (await import('./cancel.js')).cancel(),
  shell: async () => (await import('./shell.js')).shell(),
  download: async () => (await import('./download.js')).download(),
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  process.stderr.write(
    `there is no benchmark ${unknown.join(', ')}; there are: ${Object.keys(BENCHMARKS).join(', ')}\n`,
  );
  process.exit(2);
}
process.env['TEMPORAL_CLI'] ??= await findTemporalBinary({ say: (line) => process.stderr.write(`${line}\n`) });
process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${machine()}\n`);
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  process.stderr.write(`measuring ${name} …\n`);
  await run();
}
