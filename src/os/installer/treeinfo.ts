import { parse } from 'ini';
import { type IndexedFile, resolveTreePath } from './indexed-file.js';

/**
 * Parses the kernel and ramdisk in a `.treeinfo` (productmd's format: `[images-<arch>]` with `kernel` and `initrd`,
 * `[checksums]` with `<path> = <algorithm>:<hex>`). The result lacks a file that is not listed, or whose path leads out
 * of the tree.
 *
 * @param section name of the section with the paths: `images-x86_64`
 * @param tree address of the tree's root
 */
export function parseTreeinfo(
  text: string,
  section: string,
  tree: string,
): { kernel?: IndexedFile; ramdisk?: IndexedFile } {
  const document = readIni(text);
  const images = findSection(document, section);
  const checksums = findSection(document, 'checksums');
  const kernel = readFile(images['kernel'], checksums, tree);
  const ramdisk = readFile(images['initrd'], checksums, tree);
  return { ...(kernel && { kernel }), ...(ramdisk && { ramdisk }) };
}

function readIni(text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch {
    // The index is optional: an unreadable one counts as a missing one.
    return {};
  }
}

/** Finds a section by its name. The library `ini` makes nested objects of a name with dots, so we look up each part. */
function findSection(document: Record<string, unknown>, name: string): Record<string, unknown> {
  const found = name.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), document);
  return isRecord(found) ? found : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function readFile(path: unknown, checksums: Record<string, unknown>, tree: string): IndexedFile | undefined {
  if (typeof path !== 'string') return undefined;
  const url = resolveTreePath(tree, path);
  if (url === undefined) return undefined;
  const sum = checksums[path];
  const match = typeof sum === 'string' ? /^(sha256|sha512|sha1|md5):([0-9a-f]+)$/i.exec(sum.trim()) : null;
  if (match?.[1] === undefined || match[2] === undefined) return { url };
  return { url, digest: { algorithm: match[1].toLowerCase(), value: match[2].toLowerCase() } };
}
