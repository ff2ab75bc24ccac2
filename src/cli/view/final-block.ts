import type { BuildOutcome } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';

/** The details at the end of a successful build: those of the original imagefactory, then three of ours. */
export interface ImageDetails {
  uuid: string;
  /** The subcommand that made the image: `base_image`, `target_image`, `provider_image`. */
  type: string;
  filename: string;
  /** Whether the file `filename` exists. */
  downloaded: boolean;
  /** The id of the image on its provider. Only for a provider image. */
  idOnProvider?: string;
  glanceId?: string | null;
  checksum?: { algorithm: string; value: string } | null;
}

/** The line that says that there is no file with the name in the block. */
const NOT_DOWNLOADED = 'Image file: none; the image is in Glance (--parameter download True also writes the file)';

/**
 * Formats the block that the command prints after a successful build. Scripts read this block, so never change its
 * first five lines. The values come from the store and the cloud, so each value must stay on its line.
 */
export function formatFinalBlock(details: ImageDetails): string {
  const lines = [
    '',
    '============ Final Image Details ============',
    `UUID: ${toPlainLine(details.uuid)}`,
    `Type: ${details.type}`,
    `Image filename: ${toPlainLine(details.filename)}`,
    ...(details.idOnProvider === undefined ? [] : [`Image ID on provider: ${toPlainLine(details.idOnProvider)}`]),
    'Image build completed SUCCESSFULLY!',
  ];
  if (!details.downloaded) lines.push(NOT_DOWNLOADED);
  if (details.glanceId) lines.push(`Glance image: ${toPlainLine(details.glanceId)}`);
  if (details.checksum)
    lines.push(`Checksum: ${toPlainLine(`${details.checksum.algorithm}:${details.checksum.value}`)}`);
  return lines.join('\n') + '\n';
}

/** Formats the line that ends a failed build. */
export function formatFailureBlock(message: string): string {
  return `\nImage build FAILED with error: ${toPlainLine(message)}\n`;
}

/** Formats what a build prints at its end with `--output log`. */
export function formatOutcome(outcome: BuildOutcome): string {
  if (outcome.status !== 'COMPLETE') {
    return outcome.status === 'CANCELED'
      ? '\nImage build CANCELED\n'
      : formatFailureBlock(formatFailure(outcome.failure));
  }
  const { result, uuid } = outcome;
  if ('registered' in result) {
    const { registered, body } = result;
    return formatFinalBlock({
      uuid,
      type: 'provider_image',
      filename: body,
      downloaded: true,
      idOnProvider: registered.id,
    });
  }
  if ('target' in result) {
    const checksum = { algorithm: 'sha256', value: result.disk.sha256 };
    return formatFinalBlock({ uuid, type: 'target_image', filename: result.body, downloaded: true, checksum });
  }
  return formatFinalBlock({
    uuid,
    type: 'base_image',
    filename: result.body,
    downloaded: result.downloaded,
    glanceId: result.glanceId,
    checksum: result.checksum ?? (result.checksumMd5 === null ? null : { algorithm: 'md5', value: result.checksumMd5 }),
  });
}

/** Formats a failure in one line: its step, if any, and its message. */
export function formatFailure(failure: { step: string; message: string }): string {
  const text = failure.message.trim().replace(/\s*\n\s*/g, '; ');
  return failure.step === '' || text.startsWith(`${failure.step}: `) ? text : `${failure.step}: ${text}`;
}
