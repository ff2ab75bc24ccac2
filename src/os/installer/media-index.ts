import { parseContentDigests } from './content-file.js';
import type { Digest, IndexedFile } from './indexed-file.js';
import type { MirrorPin } from './mirror-pin.js';
import { parseSha256sums } from './sha256sums.js';
import { parseTreeinfo } from './treeinfo.js';
import type { InstallerPlan, MediaFile, MediaIndex } from './types.js';

/** What an index says of an installer's files. */
export interface IndexedMedia {
  kernel?: IndexedFile;
  ramdisk?: IndexedFile;
  /** The ISO that the installer is to fetch, in place of the one that was guessed. */
  iso?: MirrorPin;
}

/** Where an index says that the installer lies, and which digests it must have. What it does not say is left out. */
export function parseMediaIndex(index: MediaIndex, text: string, plan: InstallerPlan): IndexedMedia {
  if (index.format === 'treeinfo') return parseTreeinfo(text, index.section, getFolder(index.url));
  if (index.format === 'isos') return findNewestIso(index, parseSha256sums(text).keys());
  const [digests, prefix] =
    index.format === 'content' ? [parseContentDigests(text), ''] : [parseSha256sums(text), index.prefix];
  const folder = getFolder(index.url);
  const kernel = findIndexedFile(plan.kernel, folder, prefix, digests);
  const ramdisk = findIndexedFile(plan.ramdisk, folder, prefix, digests);
  return { ...(kernel && { kernel }), ...(ramdisk && { ramdisk }) };
}

/** What was guessed stands where it is listed, else the newest point release. */
function findNewestIso(
  { url, guess, name }: Extract<MediaIndex, { format: 'isos' }>,
  files: Iterable<string>,
): IndexedMedia {
  const pattern = new RegExp(`^${name}$`);
  const isos = [...files]
    .filter((file) => pattern.test(file))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const newest = isos.at(-1);
  if (newest === undefined || isos.some((file) => guess.endsWith(`/${file}`))) return {};
  return { iso: { from: guess, to: `${getFolder(url)}/${newest}` } };
}

function getFolder(url: string): string {
  return url.slice(0, url.lastIndexOf('/'));
}

/** The first of a file's possible addresses that the sums know: `./netboot/x` is `<folder>/netboot/x`. */
function findIndexedFile(
  file: MediaFile,
  folder: string,
  prefix: string,
  digests: ReadonlyMap<string, Digest>,
): IndexedFile | undefined {
  const root = `${folder}/${prefix.replace(/^\.\//, '')}`;
  for (const url of file.urls) {
    if (!url.startsWith(root)) continue;
    const digest = digests.get(prefix + url.slice(root.length));
    if (digest !== undefined) return { url, digest };
  }
  return undefined;
}
