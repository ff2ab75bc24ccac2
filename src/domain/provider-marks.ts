import { KEYS, TOOL } from './names.js';

/** The marks of everything that a push makes at a provider, as the provider's tags, labels or annotations. */
export const PROVIDER_KEYS = {
  tool: KEYS.tool,
  /** UUID of the provider image. */
  image: KEYS.image,
  /** Beginning of the SHA-512 of the pushed file. An upload of other bytes is never continued. */
  source: 'imagefactory_source',
  creator: KEYS.creator,
  /** How far a push has come, at a provider where one object is the upload first and then the image. */
  state: 'imagefactory_state',
  /** The same of an object that is one of several, such as a disk and its template. */
  stage: 'imagefactory_stage',
  /** When a push last began something, at a provider that does not tell the age of its objects: ISO 8601. */
  begun: 'imagefactory_begun',
  /** The object's own name, at a provider that copies the other marks to what users make of the object. */
  name: 'imagefactory_name',
} as const;

/** Hexadecimal digits of the digest in the mark `imagefactory_source`. Clouds limit the length of a tag's value. */
const DIGEST_LENGTH = 32;

/** What {@link marksOfPushed} and {@link isMarkedAs} need of an image. */
export interface MarkedImage {
  uuid: string;
  file: { sha512: string };
}

/** Returns the value of the mark `imagefactory_source`. */
export function sourceMark({ file }: MarkedImage): string {
  return file.sha512.slice(0, DIGEST_LENGTH);
}

/**
 * Returns the marks of everything that a push makes.
 *
 * @param creator the worker
 */
export function marksOfPushed(image: MarkedImage, creator: string): Record<string, string> {
  return {
    [PROVIDER_KEYS.tool]: TOOL,
    [PROVIDER_KEYS.image]: image.uuid,
    [PROVIDER_KEYS.source]: sourceMark(image),
    [PROVIDER_KEYS.creator]: creator,
  };
}

/** Whether something at a provider was made by a push of this image, from these bytes. */
export function isMarkedAs(marks: Readonly<Record<string, unknown>>, image: MarkedImage): boolean {
  return isMarked(marks, image.uuid) && marks[PROVIDER_KEYS.source] === sourceMark(image);
}

/** Whether something at a provider was made by a push of the image with this UUID, whatever its bytes were. */
export function isMarked(marks: Readonly<Record<string, unknown>>, uuid: string): boolean {
  return marks[PROVIDER_KEYS.tool] === TOOL && marks[PROVIDER_KEYS.image] === uuid;
}
