import type {
  BuildFailure,
  BuildOutcome,
  ImageRecord,
  ProviderImageResult,
  TargetImageResult,
} from '../client/index.js';
import { toPlainLine } from '../domain/plain-text.js';
import { formatFailure } from './view/final-block.js';

/** Makes a record from the outcome of a build, for the case that the stored record cannot be read. */
export function toImageRecord(
  outcome: BuildOutcome,
  workflowId: string,
): ImageRecord & Pick<Required<ImageRecord>, 'status'> & { failure?: BuildFailure } {
  const { uuid, status } = outcome;
  const common = { identifier: uuid, workflow_id: workflowId };
  if (outcome.status !== 'COMPLETE') {
    const { failure } = outcome;
    return { ...common, status, status_detail: { activity: failure.step, error: formatFailure(failure) }, failure };
  }
  const { result } = outcome;
  if ('registered' in result) return { ...common, ...toProviderRecord(result) };
  if ('target' in result) return { ...common, ...toTargetRecord(result) };
  return {
    ...common,
    type: 'BaseImage',
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

function toProviderRecord({ provider, kind, targetImage, body, registered, sharedWith }: ProviderImageResult) {
  const { verifiedBy, ...image } = registered;
  return {
    type: 'ProviderImage',
    data: body,
    status: 'COMPLETE',
    status_detail: { activity: 'Provider Image build complete', error: null },
    percent_complete: 100,
    target_image_id: targetImage,
    provider,
    provider_kind: kind,
    identifier_on_provider: image.id,
    registered: image,
    shared_with: sharedWith,
    verified_by: verifiedBy,
  } as const;
}

function toTargetRecord({ target, format, baseImage, body, disk }: TargetImageResult) {
  return {
    type: 'TargetImage',
    data: body,
    status: 'COMPLETE',
    status_detail: { activity: 'Target Image build complete', error: null },
    percent_complete: 100,
    target,
    format,
    base_image_id: baseImage,
    size: disk.size,
    virtual_size: disk.virtualSize,
    sha256: disk.sha256,
    sha512: disk.sha512,
    verified_by: disk.verifiedBy,
    converter: disk.converter,
    downloaded: true,
  } as const;
}

/**
 * Formats a JSON document without colours. It is indented by 2, as in the original imagefactory (Python). Characters
 * that would control a terminal are escaped, so the document holds the exact texts.
 */
export function formatJson(value: unknown): string {
  const document = JSON.stringify(value, null, 2);
  // JSON.stringify itself escapes the control characters below U+0020 only.
  return document.replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, toEscape) + '\n';
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Formats a table. Each column is as wide as its widest cell; the last column is not padded. A cell is one line. */
export function formatTable(head: string[], rows: string[][]): string {
  return alignColumns(
    head,
    rows.map((row) => row.map(toPlainLine)),
  );
}

/** Formats a table of cells that are plain lines already, and that may begin with spaces. */
export function alignColumns(head: string[], rows: string[][]): string {
  const widths = head.map((title, index) => Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)));
  const line = (cells: string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map(line).join('\n') + '\n';
}

/** Formats a warning as one line, because its text may contain words of a template, with line breaks. */
export function formatWarning(text: string): string {
  return `warning: ${toPlainLine(text)}\n`;
}
