import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';

/** Column at which prose is wrapped. No line of a document may have more than 120 columns, except in tables. */
const COLUMNS = 118;

/** Formats a generated document: wraps its prose and aligns its tables. */
export function formatMarkdown(text: string): Promise<string> {
  return format(text, { parser: 'markdown', proseWrap: 'always', printWidth: COLUMNS });
}

/**
 * Reads a fragment of a generated document: a Markdown file in `scripts/docs`. The path starts at the working
 * directory, because scripts and tests run in the project's folder.
 */
export function readFragment(name: string): string {
  return readFileSync(join(process.cwd(), 'scripts', 'docs', name), 'utf8');
}

/** Renders a table in Markdown. */
export function renderTable(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
