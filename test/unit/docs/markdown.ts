import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The project's folder, which is the current folder in every level of tests. */
const PROJECT = process.cwd();
/** Folders with Markdown files that people write. */
const FOLDERS = ['docs', 'dev', 'examples', '.github'];

/**
 * Lists the Markdown documents that people write, by their paths from the project's folder. Leaves out docs/api/, which
 * is generated.
 */
export function listDocuments(): string[] {
  const nested = FOLDERS.flatMap((folder) =>
    listFiles(folder).filter((path) => path.endsWith('.md') && !path.startsWith('docs/api/')),
  );
  return [...readdirSync(PROJECT).filter((name) => name.endsWith('.md')), ...nested].sort();
}

/** Lists all files below a folder, by their paths from the project's folder; none when the folder does not exist. */
export function listFiles(folder: string): string[] {
  try {
    return readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(PROJECT.length + 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Lists the names of the folders in a folder. */
export function listFolders(folder: string): string[] {
  const entries = readdirSync(join(PROJECT, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

export function readText(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** Returns the text below a heading, up to the next heading of the same or a higher level. */
export function readSection(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`there is no heading ${heading}`);
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const length = lines.slice(start + 1).findIndex((line) => {
    const marks = /^(#+) /.exec(line)?.[1];
    return marks !== undefined && marks.length <= level;
  });
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n');
}

/** Returns the rows of all tables in a text as lists of cells, without the head of each table. */
export function tableRows(markdown: string): string[][] {
  const lines = markdown.split('\n');
  return lines
    .filter((line, at) => {
      const isRow = line.startsWith('|') && !/^\|[ :|-]+\|$/.test(line);
      return isRow && !/^\|[ :|-]+\|$/.test(lines[at + 1] ?? '');
    })
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** Returns the texts in backticks, in order. */
export function codeSpans(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
}

/** Returns a document without its fenced blocks. */
export function withoutBlocks(markdown: string): string {
  return markdown.replaceAll(/^ *```.*?^ *```$/gms, '');
}

/** Returns the anchors that GitHub creates for a document's headings. */
export function headingAnchors(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
