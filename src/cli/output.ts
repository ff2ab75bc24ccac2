import { baseImageWorkflowId } from '../domain/base-image-input.js';
import type { BuildRecord } from '../domain/record.js';
import type { BuildFailure } from '../domain/status.js';
import type { Outcome } from '../client/outcome.js';

/** imagefactory's Final Image Details, to the letter, and below them what it left out. */
export interface ImageDetails {
  uuid: string;
  /** The subcommand that made it: `base_image`. */
  type: string;
  filename: string;
  glanceId?: string | null;
  checksum?: { algorithm: string; value: string } | null;
}

/** The block that ends a successful build. Scripts read it: never change its first five lines. */
export function finalBlock(details: ImageDetails): string {
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

/** What ends a build that made no image. */
export function failureBlock(message: string): string {
  return `\nImage build FAILED with error: ${message}\n`;
}

/** What a build prints at its end in log mode. */
export function outcomeBlock(outcome: Outcome): string {
  if (outcome.status !== 'COMPLETE') {
    return outcome.status === 'CANCELED' ? '\nImage build CANCELED\n' : failureBlock(failureText(outcome.failure));
  }
  const { result, uuid } = outcome;
  return finalBlock({
    uuid,
    type: 'base_image',
    filename: result.body,
    glanceId: result.glanceId,
    checksum: result.checksum ?? (result.checksumMd5 === null ? null : { algorithm: 'md5', value: result.checksumMd5 }),
  });
}

/** A failure in one line: the step where there is one, and what happened. */
export function failureText(failure: { step: string; message: string }): string {
  const text = failure.message.trim().replace(/\s*\n\s*/g, '; ');
  return failure.step === '' || text.startsWith(`${failure.step}: `) ? text : `${failure.step}: ${text}`;
}

/** The metadata of a build whose record cannot be read, as far as its end tells them. */
export function toMetadata(outcome: Outcome): Partial<BuildRecord> & { failure?: BuildFailure } {
  const { uuid, status } = outcome;
  const common = { identifier: uuid, type: 'BaseImage' as const, workflow_id: baseImageWorkflowId(uuid) };
  if (outcome.status !== 'COMPLETE') {
    const { failure } = outcome;
    return { ...common, status, status_detail: { activity: failure.step, error: failureText(failure) }, failure };
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

/** One JSON document, indented by 2 as imagefactory's was. It is never coloured. */
export function jsonDocument(value: unknown): string {
  return JSON.stringify(value, null, 2) + '\n';
}

/** A table for people: columns as wide as their widest cell, the last one unpadded. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)));
  const line = (cells: string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n') + '\n';
}
