import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The project's folder; every level of tests runs in it. */
const PROJECT = process.cwd();
/** Folders whose Markdown files are for readers. */
const FOLDERS = ['docs', 'dev', 'examples', '.github'];

/** Every Markdown document that people write, by its path from the project's folder. docs/api/ is generated. */
export function listDocuments(): string[] {
  const nested = FOLDERS.flatMap((folder) =>
    listFiles(folder).filter((path) => path.endsWith('.md') && !path.startsWith('docs/api/')),
  );
  return [...readdirSync(PROJECT).filter((name) => name.endsWith('.md')), ...nested].sort();
}

/** The files below a folder, by their paths from the project's folder; none where there is no such folder. */
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

/** The names of the folders in a folder. */
export function listFolders(folder: string): string[] {
  const entries = readdirSync(join(PROJECT, folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

export function readText(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** The text below a heading, up to the next heading of the same level or a higher one. */
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

/** The rows of the tables in a text, cell by cell, without the head and the line below it. */
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

/** The texts in backticks, in order. */
export function codeSpans(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
}

/** A document without its fenced blocks. */
export function withoutBlocks(markdown: string): string {
  return markdown.replaceAll(/^ *```.*?^ *```$/gms, '');
}

/** The anchors of a document's headings, as GitHub makes them. */
export function headingAnchors(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
