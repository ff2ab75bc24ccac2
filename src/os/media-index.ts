import type { Digest, IndexedFile } from './indexed-file.js';
import { digestsFromSha256sums } from './sha256sums.js';
import { digestsFromContent } from './suse-content.js';
import { mediaFromTreeinfo } from './treeinfo.js';
import type { InstallerPlan, MediaFile, MediaIndex } from './types.js';

/** What an index says of an installer's files. */
export interface IndexedMedia {
  kernel?: IndexedFile;
  ramdisk?: IndexedFile;
}

/** Where an index says that the installer lies, and which digests it must have. What it does not say is left out. */
export function mediaFromIndex(index: MediaIndex, text: string, plan: InstallerPlan): IndexedMedia {
  if (index.format === 'treeinfo') return mediaFromTreeinfo(text, index.section, folderOf(index.url));
  const [digests, prefix] =
    index.format === 'content' ? [digestsFromContent(text), ''] : [digestsFromSha256sums(text), index.prefix];
  const folder = folderOf(index.url);
  const kernel = known(plan.kernel, folder, prefix, digests);
  const ramdisk = known(plan.ramdisk, folder, prefix, digests);
  return { ...(kernel && { kernel }), ...(ramdisk && { ramdisk }) };
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
