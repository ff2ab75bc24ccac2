import type { Lineage, LineageImage } from '../../client/index.js';
import { readBestDigest, type Digest } from '../../domain/lineage.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { formatWarning } from '../output.js';
import { drawTree } from './tree.js';

/** How many characters of a digest are shown. */
const SHOWN = 12;

/** Formats a lineage as a tree, with two lines for each image, and what the image itself was made from. */
export function formatLineage({ identifier, images, problems }: Lineage): string {
  const [root] = images;
  const shown = new Map(images.map((image) => [image.identifier, image]));
  const listChildren = ({ children }: LineageImage): LineageImage[] =>
    children.flatMap((child) => shown.get(child) ?? []);
  const tree = drawTree(root === undefined ? [] : [root], listChildren).flatMap(({ item, prefix, below }) => [
    `${prefix}${formatTitle(item)}`,
    `${below.padEnd(prefix.length + 2)}${[item.identifier, formatOutput(item)].filter(Boolean).join('  ')}`,
  ]);
  const inputs = shown.get(identifier)?.inputs ?? [];
  const kinds = Math.max(...inputs.map(({ kind }) => toPlainLine(kind).length));
  const made = inputs.map(({ kind, name, digest }) =>
    `  ${toPlainLine(kind).padEnd(kinds)}  ${[toPlainLine(name), formatDigest(digest)].filter(Boolean).join('  ')}`.trimEnd(),
  );
  return [
    ...tree,
    ...(made.length === 0 ? [] : ['', `${identifier} is made from:`, ...made]),
    ...(problems.length === 0 ? [] : ['', ...problems.map((problem) => formatWarning(problem).trimEnd())]),
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Formats a lineage in the language of Graphviz (https://graphviz.org/doc/info/lang.html). */
export function formatDot({ identifier, images }: Lineage): string {
  const shown = new Set(images.map((image) => image.identifier));
  const nodes = images.map((image) => {
    const label = [formatTitle(image), image.identifier, formatOutput(image)].filter(Boolean).map(escapeLabel);
    const style = image.kind === null ? ', style=dashed' : image.identifier === identifier ? ', style=bold' : '';
    return `  ${quote(image.identifier)} [label="${label.join('\\n')}"${style}];`;
  });
  const edges = images.flatMap((image) =>
    image.children
      .filter((child) => shown.has(child))
      .map((child) => `  ${quote(image.identifier)} -> ${quote(child)};`),
  );
  return ['digraph lineage {', '  node [shape=box];', ...nodes, ...edges, '}', ''].join('\n');
}

function formatTitle({ kind, name, target, provider, status }: LineageImage): string {
  if (kind === null) return '(no record in the store)';
  const title = name === '' ? '(no name)' : name;
  return toPlainLine(
    `${[title, target === null ? '' : `for ${target}`, provider === null ? '' : `at ${provider}`].filter(Boolean).join(' ')} (${kind}) ${status ?? ''}`,
  );
}

function formatOutput({ outputs: [output] }: LineageImage): string {
  return output === undefined ? '' : formatDigest(readBestDigest(output) ?? null);
}

function formatDigest(digest: Digest | null): string {
  return digest === null ? '' : toPlainLine(`${digest.algorithm}:${digest.value.slice(0, SHOWN)}…`);
}

function escapeLabel(text: string): string {
  return toPlainLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

function quote(id: string): string {
  return `"${escapeLabel(id)}"`;
}
