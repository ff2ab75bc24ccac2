/** What a file's bytes must come to: `sha256`, hexadecimal. */
export interface Digest {
  algorithm: string;
  value: string;
}

/** A file of an install tree, as the tree's own index has it. */
export interface IndexedFile {
  url: string;
  digest?: Digest;
}

/** The address of a path within a tree; undefined for one that would lead out of it. */
export function resolveTreePath(tree: string, path: string): string | undefined {
  const clean = path.trim();
  const parts = clean.split('/');
  if (clean === '' || clean.startsWith('/') || clean.includes('\\') || clean.includes(':')) return undefined;
  if (parts.includes('..') || /[\s?#]/.test(clean)) return undefined;
  return `${tree.replace(/\/+$/, '')}/${parts.filter((part) => part !== '.' && part !== '').join('/')}`;
}
