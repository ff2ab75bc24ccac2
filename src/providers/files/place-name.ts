import { FactoryError } from '../../domain/errors.js';
import { toFileName } from '../../domain/file-name.js';

/** The files that stand beside that of an image. In lower case: some file systems do not tell the difference. */
const RESERVED = new Set(['image.json', 'sha256sums']);

/** Begins the names of small files that a check writes and removes. */
export const PROBE = '.imagefactory-probe-';

/** Whether a name that was read from a document can be that of an image's file: one plain segment. */
export function isImageFile(name: string): boolean {
  return /^\w[\w.-]*$/.test(name) && !RESERVED.has(name.toLowerCase());
}

/** Returns the name that an image's file gets in a place. */
export function imageFileOf(name: string): string {
  const safe = toFileName(name);
  return RESERVED.has(safe.toLowerCase()) ? `image-${safe}` : safe;
}

/**
 * Refuses a name that leads out of its folder. Servers and `new URL` resolve such segments.
 *
 * @returns the name
 */
export function requireInside(name: string): string {
  if (!name.includes('\\') && !name.split('/').some((segment) => segment === '.' || segment === '..')) return name;
  throw new FactoryError('InvalidParameter', `the name ${JSON.stringify(name)} leads out of its folder`);
}
