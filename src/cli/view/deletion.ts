import type { ImageDeletion } from '../../client/index.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatTime } from './text.js';

/** Formats the line that says when and by whom an image was deleted. */
export function formatDeletion(uuid: string, { at, by, removed }: ImageDeletion): string {
  const who = by === undefined ? '' : ` by ${by}`;
  const what = removed.length === 0 ? '' : `: ${removed.join(', ')}`;
  return `${toPlainLine(`Image ${uuid} was deleted ${formatTime(at)}${who}${what}`)}\n`;
}
