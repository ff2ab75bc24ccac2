import type { ImageInput } from '../../domain/lineage.js';
import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import type { Deps } from '../shared/context.js';

/** Name of the build's document with the media that its JEOS was installed from. */
const DOCUMENT = 'media.json';

/** Digests of media, as `sha256:<hex>`, by what they are: kernel, ramdisk, iso, drivers. */
export type MediaDigests = Readonly<Record<string, string>>;

/** Returns the property of a JEOS that names the digests of its media. Empty when none is known. */
export function formatMediaDigests(digests: MediaDigests = {}): Record<string, string> {
  const list = Object.entries(digests).map(([name, digest]) => `${name}=${digest}`);
  return list.length === 0 ? {} : { [KEYS.installedFrom]: list.join(',') };
}

/** Reads the digests of the media of a JEOS from its properties. Empty for a JEOS of an earlier version. */
export function readMediaDigests(image: Image): MediaDigests {
  const list = image[KEYS.installedFrom];
  if (typeof list !== 'string') return {};
  const pairs = list.split(',').map((pair) => pair.split('=') as [string, string?]);
  return Object.fromEntries(pairs.flatMap(([name, digest]) => (digest === undefined ? [] : [[name, digest]])));
}

/** Keeps the digests of the media of a build's JEOS until the build writes its record. */
export async function keepMediaDigests({ store }: Deps, uuid: string, digests: MediaDigests = {}): Promise<void> {
  await store.writeDocument(uuid, DOCUMENT, JSON.stringify(digests));
}

/** Lists the media that the JEOS of a build was installed from, as {@link keepMediaDigests} has kept them. */
export async function listMedia({ store }: Pick<Deps, 'store'>, uuid: string): Promise<ImageInput[]> {
  const document = await store.readDocument(uuid, DOCUMENT);
  if (document === undefined) return [];
  return Object.entries(JSON.parse(document.toString('utf8')) as MediaDigests).map(([name, digest]) => {
    const [algorithm = '', value = ''] = digest.split(':');
    return { kind: 'medium', name, digest: { algorithm, value } };
  });
}
