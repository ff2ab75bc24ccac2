import { digestsFromContent } from './content-file.js';
import type { Digest, IndexedFile } from './indexed-file.js';
import type { MirrorPin } from './mirror-pin.js';
import { digestsFromSha256sums } from './sha256sums.js';
import { mediaFromTreeinfo } from './treeinfo.js';
import type { InstallerPlan, MediaFile, MediaIndex } from './types.js';

/** What an index says of an installer's files. */
export interface IndexedMedia {
  kernel?: IndexedFile;
  ramdisk?: IndexedFile;
  /** The ISO that the installer is to fetch, in place of the one that was guessed. */
  iso?: MirrorPin;
}

/** Where an index says that the installer lies, and which digests it must have. What it does not say is left out. */
export function mediaFromIndex(index: MediaIndex, text: string, plan: InstallerPlan): IndexedMedia {
  if (index.format === 'treeinfo') return mediaFromTreeinfo(text, index.section, folderOf(index.url));
  if (index.format === 'isos') return newestIso(index, digestsFromSha256sums(text).keys());
  const [digests, prefix] =
    index.format === 'content' ? [digestsFromContent(text), ''] : [digestsFromSha256sums(text), index.prefix];
  const folder = folderOf(index.url);
  const kernel = known(plan.kernel, folder, prefix, digests);
  const ramdisk = known(plan.ramdisk, folder, prefix, digests);
  return { ...(kernel && { kernel }), ...(ramdisk && { ramdisk }) };
}

/** What was guessed stands where it is listed, else the newest point release. */
function newestIso(
  { url, guess, name }: Extract<MediaIndex, { format: 'isos' }>,
  files: Iterable<string>,
): IndexedMedia {
  const pattern = new RegExp(`^${name}$`);
  const isos = [...files]
    .filter((file) => pattern.test(file))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const newest = isos.at(-1);
  if (newest === undefined || isos.some((file) => guess.endsWith(`/${file}`))) return {};
  return { iso: { from: guess, to: `${folderOf(url)}/${newest}` } };
}

function folderOf(url: string): string {
  return url.slice(0, url.lastIndexOf('/'));
}

/** The first of a file's possible addresses that the sums know: `./netboot/x` is `<folder>/netboot/x`. */
function known(
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
