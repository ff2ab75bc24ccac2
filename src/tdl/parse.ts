import { FactoryError } from '../domain/errors.js';
import { decodeDocument } from './decode.js';
import { findChild } from './elements.js';
import { findPosition, Problems } from './place.js';
import { readTemplate } from './read-template.js';
import type { Problem, Template } from './types.js';
import { parseXml } from './xml.js';

/**
 * The template and the position of its `<os>`, for mistakes that are found later; or, if the document is not valid, all
 * of its mistakes.
 */
export type Parsed =
  | { template: Template; os: Pick<Problem, 'line' | 'column'>; problems: [] }
  | { template: undefined; problems: Problem[] };

/**
 * Parses a TDL document (docs/tdl.md). Reads no other file and no URL. If the XML is not well-formed, reports only the
 * first mistakes; otherwise, reports all mistakes at once.
 *
 * @param source text, or bytes in the encoding that their XML declaration names
 */
export function parseTemplate(source: string | Uint8Array): Parsed {
  const { text, problem } = decodeDocument(source);
  if (text === undefined) return { template: undefined, problems: [problem] };
  const problems = new Problems(text);
  const root = parseXml(text, problems);
  const template = root === undefined ? undefined : readTemplate(root, problems);
  if (template === undefined || problems.any) return { template: undefined, problems: problems.list() };
  return { template, os: findPosition(text, findChild(root, 'os')?.at ?? 0), problems: [] };
}

/**
 * Parses a TDL document, and throws when the document has mistakes.
 *
 * @param fileName name of the document in the error message
 * @throws FactoryError InvalidTemplate, with one line per mistake: `file:line:column: message`
 */
export function throwIfInvalid(source: string | Uint8Array, fileName: string): Template {
  const { template, problems } = parseTemplate(source);
  if (template !== undefined) return template;
  const lines = problems.map(({ line, column, message }) => `${fileName}:${line}:${column}: ${message}`);
  throw new FactoryError('InvalidTemplate', lines.join('\n'), {
    hint: 'docs/tdl.md describes the template language',
  });
}
