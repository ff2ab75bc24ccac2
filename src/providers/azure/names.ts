import { sourceMark } from '../../domain/provider-marks.js';
import type { PushedImage } from '../types.js';

/** The virtual folder of the container in which our blobs are. */
export const BLOB_PREFIX = 'imagefactory/';

/** Returns the prefix of every blob that a push of the image makes. */
export function blobPrefix(uuid: string): string {
  return `${BLOB_PREFIX}${uuid}/`;
}

/**
 * Returns the name of the blob. It has the digest of the file, so an upload of other bytes is another blob. Azure wants
 * the extension `.vhd`.
 */
export function blobName(image: PushedImage): string {
  return `${blobPrefix(image.uuid)}${sourceMark(image)}.vhd`;
}

/**
 * Changes a name so that Azure takes it as the name of an image definition or of a managed image: letters, digits,
 * `_`, `.` and `-`, with a letter or a digit at both ends.
 *
 * @param longest most characters of the result
 */
function toResourceName(name: string, longest: number): string {
  const allowed = name.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return trimEnd(allowed.slice(0, longest)) || 'image';
}

function trimEnd(name: string): string {
  return name.replace(/[^A-Za-z0-9]+$/, '');
}

/** Most characters of a name of Azure's images, image definitions and galleries. */
const LONGEST_NAME = 80;

/** Returns the name of the image definition for an image, where the configuration names none. */
export function definitionName(image: Pick<PushedImage, 'name'>): string {
  return toResourceName(image.name, LONGEST_NAME);
}

/** Returns the name of the managed image. It has the beginning of the UUID, so that every image has its own. */
export function managedImageName(image: Pick<PushedImage, 'name' | 'uuid'>): string {
  const end = `-${image.uuid.slice(0, 8)}`;
  return `${toResourceName(image.name, LONGEST_NAME - end.length)}${end}`;
}

/**
 * Returns the number of an image version: three integers of 32 bits. Azure's word `latest` is the highest number, so a
 * later push has a higher one: `YEAR.MONTHDAY.TIME`, or `MAJOR.MINOR.SECONDS` where the configuration has a beginning.
 * Every attempt of a push returns the same, because `began` is the time at which Azure has made the blob.
 *
 * @param began when the push began, in UTC to the second
 * @param beginning `MAJOR.MINOR`
 */
export function versionNumber(began: Date, beginning?: string): string {
  if (beginning !== undefined) return `${beginning}.${Math.floor(began.getTime() / 1000)}`;
  const day = (began.getUTCMonth() + 1) * 100 + began.getUTCDate();
  const time = began.getUTCHours() * 10_000 + began.getUTCMinutes() * 100 + began.getUTCSeconds();
  return `${began.getUTCFullYear()}.${day}.${time}`;
}

/** Returns the next number of a version: two pushes into one definition may begin in the same second. */
export function nextVersion(number: string): string {
  const [major, minor, patch] = number.split('.');
  return `${major}.${minor}.${Number(patch) + 1}`;
}

/** Returns the name of a region as Azure compares it: Azure answers `West Europe` where it was given `westeurope`. */
export function normalizeRegion(name: string): string {
  return name.toLowerCase().replaceAll(' ', '');
}
