import { getWorkflowId, type BuildFailure, type BuildOutcome, type ImageRecord } from '../client/index.js';
import { formatFailure } from './view/final-block.js';

/** Makes a record from the outcome of a build. It replaces the stored record when that cannot be read. */
export function toImageRecord(outcome: BuildOutcome): ImageRecord & { failure?: BuildFailure } {
  const { uuid, status } = outcome;
  const common = { identifier: uuid, type: 'BaseImage' as const, workflow_id: getWorkflowId(uuid) };
  if (outcome.status !== 'COMPLETE') {
    const { failure } = outcome;
    return { ...common, status, status_detail: { activity: failure.step, error: formatFailure(failure) }, failure };
  }
  const { result } = outcome;
  return {
    ...common,
    data: result.body,
    status: 'COMPLETE',
    status_detail: { activity: 'Base Image build complete', error: null },
    percent_complete: 100,
    properties: { 'x-image-properties-glance_id': result.glanceId },
    glance_id: result.glanceId,
    checksum: result.checksum,
    checksum_md5: result.checksumMd5,
    size: result.size,
    min_disk: result.minDisk,
    jeos: result.jeos,
    packages: result.packages,
    downloaded: result.downloaded,
  };
}

/** Formats a JSON document without colours. It is indented by 2, as in the original imagefactory (Python). */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2) + '\n';
}

/** Formats a table. Each column is as wide as its widest cell; the last column is not padded. */
export function formatTable(head: string[], rows: string[][]): string {
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)));
  const line = (cells: string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n') + '\n';
}
