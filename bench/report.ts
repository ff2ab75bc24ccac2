import { cpus, loadavg, totalmem } from 'node:os';

/** One figure of a benchmark. */
export interface Figure {
  name: string;
  value: string;
  /** The value that we want to reach. Unset when we have no such value. */
  aim?: string;
}

/**
 * Prints the figures of a benchmark as a Markdown table for `docs/benchmarks.md`.
 *
 * @param measured one or two sentences that say which figures are measured, and how
 */
export function printReport(title: string, measured: string, figures: Figure[]): void {
  const rows = figures.map(({ name: what, value, aim = '' }) => `| ${what} | ${value} | ${aim} |`);
  const table = ['| what | figure | aim |', '| --- | --- | --- |', ...rows];
  const load = `Load average over the last minute, the benchmark itself included: ${readLoad()}.`;
  process.stdout.write(`\n### ${title}\n\n${measured}\n${load}\n\n${table.join('\n')}\n`);
}

function readLoad(): string {
  return (loadavg()[0] ?? NaN).toFixed(1);
}

/** Describes the machine and its load. Readers need this description to judge the figures. */
export function describeMachine(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${memory} GiB, Node ${process.version}, load average ${readLoad()}`;
}

/** Returns the smallest of the values for which at least `percent` percent of the values are not larger. */
export function computePercentile(values: number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? NaN;
}

export function formatMebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}

export function computeMedian(values: number[]): number {
  return computePercentile(values, 50);
}

export function formatSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
