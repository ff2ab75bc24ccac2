import { getWorkflowId, type BuildFailure, type BuildOutcome, type ImageRecord } from '../client/index.js';

/** The details that end a successful build: imagefactory's Final Image Details, and two more. */
export interface ImageDetails {
  uuid: string;
  /** The subcommand that made the image: `base_image`. */
  type: string;
  filename: string;
  glanceId?: string | null;
  checksum?: { algorithm: string; value: string } | null;
}

/** Formats the block that ends a successful build. Scripts read it: never change its first five lines. */
export function formatFinalBlock(details: ImageDetails): string {
  const lines = [
    '',
    '============ Final Image Details ============',
    `UUID: ${details.uuid}`,
    `Type: ${details.type}`,
    `Image filename: ${details.filename}`,
    'Image build completed SUCCESSFULLY!',
  ];
  if (details.glanceId) lines.push(`Glance image: ${details.glanceId}`);
  if (details.checksum) lines.push(`Checksum: ${details.checksum.algorithm}:${details.checksum.value}`);
  return lines.join('\n') + '\n';
}

/** Formats the line that ends a failed build. */
export function formatFailureBlock(message: string): string {
  return `\nImage build FAILED with error: ${message}\n`;
}

/** Formats what a build prints at its end with `--output log`. */
export function formatOutcome(outcome: BuildOutcome): string {
  if (outcome.status !== 'COMPLETE') {
    return outcome.status === 'CANCELED'
      ? '\nImage build CANCELED\n'
      : formatFailureBlock(formatFailure(outcome.failure));
  }
  const { result, uuid } = outcome;
  return formatFinalBlock({
    uuid,
    type: 'base_image',
    filename: result.body,
    glanceId: result.glanceId,
    checksum: result.checksum ?? (result.checksumMd5 === null ? null : { algorithm: 'md5', value: result.checksumMd5 }),
  });
}

/** Formats a failure in one line: its step, if any, and its message. */
export function formatFailure(failure: { step: string; message: string }): string {
  const text = failure.message.trim().replace(/\s*\n\s*/g, '; ');
  return failure.step === '' || text.startsWith(`${failure.step}: `) ? text : `${failure.step}: ${text}`;
}

/** Makes the record of a build from its outcome, for when the record itself cannot be read. */
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

/** Formats a JSON document, indented by 2 like imagefactory's. It never has colours. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2) + '\n';
}

/** Formats a table: each column is as wide as its widest cell, the last one is not padded. */
export function formatTable(head: string[], rows: string[][]): string {
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)));
  const line = (cells: string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n') + '\n';
}
