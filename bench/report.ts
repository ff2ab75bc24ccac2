import { cpus, loadavg, totalmem } from 'node:os';

/** One figure of a benchmark, as it is printed and recorded. */
export interface Figure {
  what: string;
  value: string;
  /** What we aim at, where we aim at something. */
  aim?: string;
}

/**
 * Prints the figures of a benchmark as a Markdown table, which `docs/benchmarks.md` takes as it is.
 * @param measured what is measured, and how, in a sentence or two
 */
export function report(title: string, measured: string, figures: Figure[]): void {
  const rows = figures.map(({ what, value, aim = '' }) => `| ${what} | ${value} | ${aim} |`);
  const table = ['| what | figure | aim |', '| --- | --- | --- |', ...rows];
  const load = `Load average over the last minute, the benchmark itself included: ${loadOf()}.`;
  process.stdout.write(`\n### ${title}\n\n${measured}\n${load}\n\n${table.join('\n')}\n`);
}

function loadOf(): string {
  return (loadavg()[0] ?? NaN).toFixed(1);
}

/** The machine and how busy it is: figures without it say nothing. */
export function machine(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${memory} GiB, Node ${process.version}, load average ${loadOf()}`;
}

/** The value below which so many percent of the values are. */
export function percentile(values: number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? NaN;
}

export function median(values: number[]): number {
  return percentile(values, 50);
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
