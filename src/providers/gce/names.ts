import { marksOfPushed, PROVIDER_KEYS, sourceMark } from '../../domain/provider-marks.js';
import { deriveUuid } from '../../planning/derive-uuid.js';
import type { PushedImage } from '../types.js';

/** The names of everything that we put into a bucket begin so. */
export const OBJECT_PREFIX = 'imagefactory/';

/** Most characters of the name of an image, of a family, and of a label's value. */
const LONGEST = 63;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Makes a name that Compute Engine takes: `[a-z]([-a-z0-9]{0,61}[a-z0-9])?`.
 *
 * @param length most characters of the name
 */
function toResourceName(text: string, length = LONGEST): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '');
  const name = /^[a-z]/.test(plain) ? plain : `image-${plain}`;
  return name.slice(0, length).replace(/-+$/, '');
}

/** The name of an image: a readable beginning, and the UUID. It is unique in its project. */
export function imageName({ name, uuid }: Pick<PushedImage, 'name' | 'uuid'>): string {
  return `${toResourceName(name, LONGEST - uuid.length - 1)}-${uuid}`;
}

/** Reads the UUID from a name that {@link imageName} has made. Undefined for every other name. */
export function uuidOfImageName(name: string): string | undefined {
  return UUID.exec(name)?.[0];
}

/**
 * The family of an image. It is the same for every image of one template and target, so the family always means the
 * newest of them.
 */
export function familyName({ name }: Pick<PushedImage, 'name'>): string {
  return toResourceName(name);
}

/** The prefix of the objects of one image. */
export function objectPrefix(uuid: string): string {
  return `${OBJECT_PREFIX}${uuid}/`;
}

/** The name of the object that holds the archive. Another archive has another name, so none is continued by mistake. */
export function objectName(image: PushedImage): string {
  return `${objectPrefix(image.uuid)}${sourceMark(image)}.tar.gz`;
}

/** Our marks as labels. A label's value has only lower-case letters, digits, `_` and `-`. */
export function labelsOf(image: PushedImage, creator: string): Record<string, string> {
  const marks = Object.entries(marksOfPushed(image, creator));
  return Object.fromEntries(marks.map(([key, value]) => [key, toLabelValue(value)]));
}

export function toLabelValue(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '_')
    .slice(0, LONGEST);
}

/** A filter of Compute Engine for resources with the mark. */
export function markFilter(key: keyof typeof PROVIDER_KEYS, value: string): string {
  return `labels.${PROVIDER_KEYS[key]} = "${value}"`;
}

/**
 * The request id of an import. Compute Engine answers a repeated request with the operation of the first, so that a
 * lost reply never imports twice; also when that operation has failed, so each new try needs an id of its own.
 *
 * @param tries imports of this image that have ended
 */
export function importRequestId(image: PushedImage, tries: number): string {
  return deriveUuid(`gce import ${image.uuid} ${image.file.sha512} ${tries}`);
}
