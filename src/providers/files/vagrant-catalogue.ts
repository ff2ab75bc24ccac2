import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { toFileName } from '../../domain/file-name.js';
import { goArch } from '../../formats/archive/go-arch.js';
import { formatDocument, parseJson, type ImageDocument } from './image-document.js';

/**
 * The catalogue of a box, as Vagrant reads it: the box's versions, and the file of each version by provider and
 * architecture. What others wrote is kept as it is.
 */
const schema = z.looseObject({
  name: z.string(),
  versions: z.array(
    z.looseObject({
      version: z.string(),
      providers: z.array(
        z.looseObject({ name: z.string(), url: z.string().optional(), architecture: z.string().optional() }),
      ),
    }),
  ),
});

type Catalogue = z.infer<typeof schema>;

/** What Vagrant calls the providers of the formats that are boxes. */
const PROVIDERS: Readonly<Record<string, string>> = {
  'vagrant-libvirt': 'libvirt',
  'vagrant-virtualbox': 'virtualbox',
};

/** Returns the name of a box: that of the image, without the target. The boxes of one template share a catalogue. */
function boxOf({ name, format }: Pick<ImageDocument, 'name' | 'format'>): string {
  return toFileName(name.endsWith(`-${format}`) ? name.slice(0, -format.length - 1) : name);
}

/** Returns the name of the catalogue that lists an image. Undefined for an image that is no box. */
export function catalogueOf(document: Pick<ImageDocument, 'name' | 'format'>): string | undefined {
  return PROVIDERS[document.format] === undefined ? undefined : `vagrant/${boxOf(document)}/metadata.json`;
}

/** Adds a box to its catalogue. Keeps every other version and provider. Does nothing when the box is listed. */
export function addToCatalogue(text: string | undefined, document: ImageDocument, boxUrl: string, url: string): string {
  const catalogue = text === undefined ? { name: boxOf(document), versions: [] } : parseCatalogue(text, url);
  if (catalogue.versions.some(({ providers }) => providers.some((provider) => provider.url === boxUrl)))
    return text ?? formatDocument(catalogue);
  const entry = {
    name: PROVIDERS[document.format] ?? document.format,
    url: boxUrl,
    checksum_type: 'sha256',
    checksum: document.sha256,
    architecture: goArch(document.system.arch),
  };
  const version = chooseVersion(catalogue, entry, document.created_at);
  const at = catalogue.versions.findIndex((other) => other.version === version);
  const present = catalogue.versions[at];
  const versions =
    present === undefined
      ? [...catalogue.versions, { version, providers: [entry] }]
      : catalogue.versions.with(at, { ...present, providers: [...present.providers, entry] });
  return formatDocument({ ...catalogue, versions });
}

/** Removes a box from its catalogue, and its version when no other box is in it. */
export function removeFromCatalogue(text: string | undefined, boxUrl: string, url: string): string | undefined {
  if (text === undefined) return undefined;
  const catalogue = parseCatalogue(text, url);
  const isListed = ({ providers }: Catalogue['versions'][number]): boolean =>
    providers.some((provider) => provider.url === boxUrl);
  if (!catalogue.versions.some(isListed)) return text;
  const versions = catalogue.versions
    .map((version) =>
      isListed(version)
        ? { ...version, providers: version.providers.filter((provider) => provider.url !== boxUrl) }
        : version,
    )
    .filter((version, index) => version.providers.length > 0 || catalogue.versions[index]?.providers.length === 0);
  return formatDocument({ ...catalogue, versions });
}

/**
 * Chooses the version of a box: the day of its push, and a number that begins with 0: `20261130.0.0`. The boxes of one
 * day share a version, so that it has the file of each provider. The second box of a provider has the next number.
 */
function chooseVersion(
  { versions }: Catalogue,
  entry: { name: string; architecture: string },
  createdAt: string,
): string {
  const day = createdAt.slice(0, 10).replaceAll('-', '');
  for (let number = 0; ; number++) {
    const version = `${day}.0.${number}`;
    const present = versions.find((other) => other.version === version);
    // A provider without an architecture stands for all of them: Vagrant before 2.4 knew none.
    const isTaken = present?.providers.some(
      ({ name, architecture }) =>
        name === entry.name && (architecture === undefined || architecture === entry.architecture),
    );
    if (isTaken !== true) return version;
  }
}

function parseCatalogue(text: string, url: string): Catalogue {
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new FactoryError('Conflict', `${url} is not a catalogue of Vagrant boxes: it is not changed`, {
    hint: 'repair it or move it away, then push again',
  });
}
