import { parseContentDigests } from './content-file.js';
import type { Digest, IndexedFile } from './indexed-file.js';
import type { MirrorPin } from './mirror-pin.js';
import { parseSha256sums } from './sha256sums.js';
import { parseTreeinfo } from './treeinfo.js';
import type { InstallerPlan, MediaFile, MediaIndex } from './types.js';

/** The files of an installer that an index lists. */
export interface IndexedMedia {
  kernel?: IndexedFile;
  ramdisk?: IndexedFile;
  /**
   * The ISO that the installer must fetch instead of the guessed one. Unset when the index lists the guess, or no ISO.
   */
  iso?: MirrorPin;
}

/**
 * Parses an index. Returns the URLs of the installer's files and their expected digests, without the files that the
 * index does not list.
 */
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

/** Finds the ISO of the newest point release, unless the index lists the guessed ISO. */
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

/**
 * Finds the first URL of a file that `digests` lists. The paths in `digests` are relative to `folder`: `./netboot/x`
 * means `<folder>/netboot/x`.
 */
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
