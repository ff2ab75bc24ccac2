import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';

/** Columns at which prose is wrapped; no line of a document has more than 120, but for tables. */
const COLUMNS = 118;

/** A generated document as it is written: prose wrapped, tables aligned. */
export function formatMarkdown(text: string): Promise<string> {
  return format(text, { parser: 'markdown', proseWrap: 'always', printWidth: COLUMNS });
}

/**
 * A fragment of a generated document: a Markdown file of this folder. Scripts and tests run in the project's folder.
 */
export function readFragment(name: string): string {
  return readFileSync(join(process.cwd(), 'scripts', 'docs', name), 'utf8');
}

/** A table in Markdown. */
export function renderTable(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
