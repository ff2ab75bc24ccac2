import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage } from '../../domain/provider-image.js';
import { isMarked, isMarkedAs, marksOfPushed, type MarkedImage } from '../../domain/provider-marks.js';
import type { PushedImage } from '../types.js';
import { imageFileOf, isImageFile } from './place-name.js';

/**
 * The document that stands beside each pushed file. It is written before the first byte of the file, so that whatever
 * a push leaves can be found, and carries our marks where the place cannot attach them to the file itself.
 */
const schema = z.looseObject({
  /** `uploading` until the file is complete, compared, and listed in the index. */
  state: z.enum(['uploading', 'complete']),
  marks: z.record(z.string(), z.string()),
  /** When the push began: ISO 8601, UTC. */
  created_at: z.string(),
  name: z.string(),
  system: z.strictObject({ name: z.string(), version: z.string(), arch: z.string() }),
  firmware: z.string(),
  format: z.string(),
  /** The name of the file, beside this document. Others can write the document: it must not lead elsewhere. */
  file: z.string().refine(isImageFile),
  /** bytes */
  size: z.number(),
  virtual_size: z.number(),
  sha256: z.string(),
  sha512: z.string(),
  /** How the copy was compared with the file. Only when it is complete. */
  verified_by: z.string().optional(),
  /** The catalogue of boxes that lists the file, if there is one. */
  catalogue: z.string().optional(),
});

/** What the document beside a pushed file says. */
export type ImageDocument = z.infer<typeof schema>;

/** The index of all images of a place. */
export const INDEX = 'index.json';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a name is that of the folder of an image. */
export function isImageFolder(name: string): boolean {
  return UUID.test(name);
}

/** Returns the names of the files of an image in a place. */
export function filesOf(uuid: string, fileName: string): { image: string; file: string; checksums: string } {
  return { image: documentOf(uuid), file: `${uuid}/${fileName}`, checksums: `${uuid}/SHA256SUMS` };
}

/** Returns the name of the document of an image. */
export function documentOf(uuid: string): string {
  return `${uuid}/image.json`;
}

/** Writes a document as it is published. */
export function formatDocument(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Makes the document of an image whose push begins. */
export function describeImage(image: PushedImage, creator: string, now: Date): ImageDocument {
  return {
    state: 'uploading',
    marks: marksOfPushed(image, creator),
    created_at: now.toISOString(),
    name: image.name,
    system: image.os,
    firmware: image.firmware,
    format: image.file.format,
    file: imageFileOf(image.file.name),
    size: image.file.size,
    virtual_size: image.file.virtualSize,
    sha256: image.file.sha256,
    sha512: image.file.sha512,
  };
}

/** Reads the document of an image. Undefined when it is not one that this program has made for the image. */
export function parseImageDocument(text: string, uuid: string): ImageDocument | undefined {
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success && isMarked(parsed.data.marks, uuid) ? parsed.data : undefined;
}

/**
 * Reads the document of the image that is pushed.
 *
 * @throws FactoryError Conflict when somebody else, or a push of other bytes, uses the folder of the image
 */
export function requireOwnDocument(text: string, image: MarkedImage, url: string): ImageDocument {
  const document = parseImageDocument(text, image.uuid);
  if (document === undefined) {
    throw new FactoryError('Conflict', `${url} was not made by a push of this image`, {
      hint: 'it is left as it is: move it away, or push to another place',
    });
  }
  if (!isMarkedAs(document.marks, image)) {
    throw new FactoryError('Conflict', `${url} belongs to a push of another file of the image ${image.uuid}`, {
      hint: `delete the image ${image.uuid} at this provider first, then push again`,
    });
  }
  return document;
}

/** Returns the image as it is registered. `delete` needs nothing else. */
export function describeRegistered(
  document: ImageDocument,
  uuid: string,
  place: { url: string; publicUrl: string; region: string | undefined },
): RegisteredImage {
  const names = filesOf(uuid, document.file);
  const { catalogue } = document;
  return {
    id: `${place.url}/${names.file}`,
    location: `${place.publicUrl}/${names.file}`,
    ...(place.region === undefined ? {} : { region: place.region }),
    resources: [
      { kind: 'checksums', id: `${place.url}/${names.checksums}` },
      { kind: 'description', id: `${place.url}/${names.image}` },
      ...(catalogue === undefined ? [] : [{ kind: 'catalogue', id: `${place.url}/${catalogue}` }]),
    ],
    verifiedBy: document.verified_by ?? 'its size',
  };
}

/** Parses JSON. Undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
