/** The expected digest of a file: algorithm (`sha256`) and hexadecimal value. */
export interface Digest {
  algorithm: string;
  value: string;
}

/** A file of an install tree, as the tree's own index lists it. */
export interface IndexedFile {
  url: string;
  digest?: Digest;
}

/** Resolves a path within an install tree to a URL; undefined for a path that would lead out of the tree. */
export function resolveTreePath(tree: string, path: string): string | undefined {
  const clean = path.trim();
  const parts = clean.split('/');
  if (clean === '' || clean.startsWith('/') || clean.includes('\\') || clean.includes(':')) return undefined;
  if (parts.includes('..') || /[\s?#]/.test(clean)) return undefined;
  return `${tree.replace(/\/+$/, '')}/${parts.filter((part) => part !== '.' && part !== '').join('/')}`;
}
