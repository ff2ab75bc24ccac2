import { createHash } from 'node:crypto';
import type { PushedImage } from '../types.js';

/** Characters of the longest name of a virtual machine, and of an item. */
const LONGEST = 80;
/** Hexadecimal digits at the end of the name. */
const SUFFIX = 8;

/**
 * Returns the name of the image at vSphere: its name for people, and a suffix from its UUID and its bytes. Another
 * image, and the same one with other bytes, has another name.
 */
export function nameOfImage({ name, uuid, file }: Pick<PushedImage, 'name' | 'uuid' | 'file'>): string {
  const suffix = createHash('sha256').update(`${uuid}:${file.sha512}`).digest('hex').slice(0, SUFFIX);
  // A slash, a backslash and a percent sign are escaped by vSphere; other signs break paths in datastores.
  const readable = name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, LONGEST - SUFFIX - 1);
  return `${readable}-${suffix}`;
}
