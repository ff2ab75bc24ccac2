import type { ImageRecord } from '../../client/index.js';
import { readParent } from '../../domain/lineage.js';
import { toPlainLine } from '../../domain/plain-text.js';
import { alignColumns } from '../output.js';
import { clip } from './text.js';
import { drawTree } from './tree.js';

type Columns = Readonly<Record<string, (image: ImageRecord) => string>>;

/** The columns of the table, in order. */
const COLUMNS = {
  UUID: ({ identifier }) => identifier,
  STATUS: ({ status }) => status ?? '',
  OS: ({ os }) => [os?.name, os?.version, os?.arch].filter(Boolean).join(' '),
  NAME: ({ name = '', target, provider }) => {
    const place = [target, provider === undefined ? undefined : `at ${provider}`].filter(Boolean).join(' ');
    return place === '' ? name : `${name} (${place})`;
  },
  'CREATED (UTC)': ({ created_at: createdAt }) => (createdAt ?? '').slice(0, 16).replace('T', ' '),
  'GLANCE IMAGE': ({ glance_id: glanceId }) => glanceId || '-',
} satisfies Columns;

/** The column that is cut where the table is too wide. Ids are never cut. */
const CUT = 'NAME';

interface Layout {
  columns: Columns;
  /** The columns that a terminal lacks when it is too narrow for all of them: each row is tried in order. */
  leftOut: readonly (readonly string[])[];
  /** The width that the column {@link CUT} keeps. */
  shortestCut: number;
  /** What stands before the cells of the column {@link CUT}, by image. Default: nothing. */
  prefixes?: ReadonlyMap<ImageRecord, string>;
}

const TABLE: Layout = { columns: COLUMNS, leftOut: [[], ['OS'], ['OS', 'GLANCE IMAGE']], shortestCut: 12 };

/**
 * Formats images as a table.
 *
 * @param width width of the terminal, for which the table leaves out columns and cuts names. Default: no limit
 */
export function formatImageTable(found: readonly ImageRecord[], width = Infinity): string {
  return format(found, width, TABLE);
}

/**
 * Formats images as a table in which each target image stands below the image that it was made from. The names come
 * first, with the lines of the tree. An image whose parent is not among the images stands at the edge.
 *
 * @param width as in {@link formatImageTable}
 */
export function formatImageTree(found: readonly ImageRecord[], width = Infinity): string {
  const known = new Map(found.map((image) => [image.identifier, image]));
  const children = Map.groupBy(found, (image) => readParent(image)?.id ?? '');
  const isRoot = (image: ImageRecord): boolean => !known.has(readParent(image)?.id ?? '');
  const drawn = drawTree(found.filter(isRoot), (image) => children.get(image.identifier) ?? []);
  // Images whose parents are a circle have no root.
  const reached = new Set(drawn.map(({ item }) => item));
  const branches = [...drawn, ...found.filter((image) => !reached.has(image)).map((item) => ({ item, prefix: '' }))];
  const prefixes = new Map(branches.map(({ item, prefix }) => [item, prefix]));
  const { NAME, ...others } = COLUMNS;
  return format(
    branches.map(({ item }) => item),
    width,
    {
      columns: { NAME, ...others },
      prefixes,
      leftOut: [...TABLE.leftOut, ['OS', 'GLANCE IMAGE', 'CREATED (UTC)']],
      shortestCut: 24,
    },
  );
}

function format(found: readonly ImageRecord[], width: number, layout: Layout): string {
  const { columns, leftOut, shortestCut, prefixes } = layout;
  const prefixOf = (title: string, image: ImageRecord): string => (title === CUT ? (prefixes?.get(image) ?? '') : '');
  const cells = new Map(
    Object.entries(columns).map(([title, read]) => [
      title,
      found.map((image) => prefixOf(title, image) + toPlainLine(read(image))),
    ]),
  );
  const widthOf = (title: string): number => Math.max(...[title, ...(cells.get(title) ?? [])].map(countCharacters));
  const spareFor = (titles: string[]): number =>
    width - titles.filter((title) => title !== CUT).reduce((sum, title) => sum + widthOf(title) + 2, 0);
  const choices = leftOut.map((out) => Object.keys(columns).filter((title) => !out.includes(title)));
  const needed = Math.min(widthOf(CUT), shortestCut);
  const titles = choices.find((choice) => spareFor(choice) >= needed) ?? choices.at(-1) ?? [];
  const spare = Math.max(spareFor(titles), needed);
  const rows = found.map((_image, row) =>
    titles.map((title) => {
      const cell = cells.get(title)?.[row] ?? '';
      return title === CUT ? clip(cell, spare) : cell;
    }),
  );
  return alignColumns(titles, rows);
}

function countCharacters(text: string): number {
  return [...text].length;
}
