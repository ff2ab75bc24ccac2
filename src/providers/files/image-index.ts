import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { filesOf, formatDocument, parseJson, type ImageDocument } from './image-document.js';

/** What others wrote is kept as it is: entries that we do not know, and fields too. */
const schema = z.looseObject({ images: z.array(z.looseObject({ uuid: z.string() })) });

type Index = z.infer<typeof schema>;

/** Adds an image to the index of a place, or changes its entry. Keeps every other entry. */
export function addToIndex(
  text: string | undefined,
  uuid: string,
  document: ImageDocument,
  place: { publicUrl: string },
  url: string,
): string {
  const names = filesOf(uuid, document.file);
  const entry = {
    uuid,
    name: document.name,
    system: document.system,
    firmware: document.firmware,
    format: document.format,
    url: `${place.publicUrl}/${names.file}`,
    checksums: `${place.publicUrl}/${names.checksums}`,
    size: document.size,
    virtual_size: document.virtual_size,
    sha256: document.sha256,
    sha512: document.sha512,
    created_at: document.created_at,
  };
  const index = text === undefined ? { images: [] } : parseIndex(text, url);
  const others = index.images.filter((other) => other.uuid !== uuid);
  const at = index.images.findIndex((other) => other.uuid === uuid);
  const images = at === -1 ? [...others, entry] : index.images.with(at, entry);
  return formatDocument({ ...index, images });
}

/** Removes an image from the index of a place. */
export function removeFromIndex(text: string | undefined, uuid: string, url: string): string | undefined {
  if (text === undefined) return undefined;
  const index = parseIndex(text, url);
  if (!index.images.some((image) => image.uuid === uuid)) return text;
  return formatDocument({ ...index, images: index.images.filter((image) => image.uuid !== uuid) });
}

function parseIndex(text: string, url: string): Index {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new FactoryError('Conflict', `${url} is not an index of images: it is not changed`, {
    hint: 'move it away, or push to another place',
  });
}
