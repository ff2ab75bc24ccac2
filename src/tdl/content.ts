import { isLocalFileUrl } from '../domain/file-url.js';
import type { Problems } from './place.js';
import type { Content, Template } from './types.js';
import type { XmlElement } from './xml.js';

const TYPES = ['raw', 'base64', 'url'];

/**
 * Reads the content of a `<file>` or `<command>`: raw text (trimmed at both ends, as Oz does), base64 (without its
 * white space), or the URL from which an activity fetches the content.
 */
export function readContent(element: XmlElement, problems: Problems): Content {
  const type = element.attributes.get('type');
  switch (type?.value.trim() ?? 'raw') {
    case 'raw':
      return { type: 'raw', text: element.text.trim() };
    case 'base64':
      return { type: 'base64', base64: readBase64(element, problems) };
    case 'url':
      return { type: 'url', url: readUrl(element.text.trim(), element.at, `<${element.name} type='url'>`, problems) };
    default:
      problems.add(
        type?.at ?? element.at,
        `${JSON.stringify(type?.value)} is not a type of content: write ${TYPES.join(', ').replace(/, (?=\w+$)/, ' or ')}, or leave type out for raw`,
      );
      return { type: 'raw', text: '' };
  }
}

function readBase64(element: XmlElement, problems: Problems): string {
  const base64 = element.text.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    problems.add(
      element.at,
      `<${element.name}> is not base64: it may contain only A-Z, a-z, 0-9, + and /, and = at the end`,
    );
  } else if (!isPadded(base64)) {
    problems.add(
      element.at,
      `<${element.name}> is not complete base64: its length must be a multiple of 4; add the missing characters or = at the end`,
    );
  }
  return base64;
}

/**
 * Checks whether the text ends with at least as many `=` as its length requires; more are accepted. One digit after the
 * last full group of four would require three `=`, but base64 has at most two, so such a text is a mistake.
 */
function isPadded(base64: string): boolean {
  const digits = base64.replace(/=+$/, '').length;
  return base64.length - digits >= (4 - (digits % 4)) % 4;
}

/**
 * Checks the URL from which an activity will fetch content: http, https, or a file on the worker's machine. This
 * function reads nothing; the worker decides which files may be read.
 */
function readUrl(text: string, at: number, what: string, problems: Problems): string {
  if (isLocalFileUrl(text)) return text;
  // Oz also accepts a relative path, and reads it from its current folder. A worker has no such folder.
  if (/^file:/i.test(text)) {
    problems.add(at, `${what} needs the absolute path of a file on the worker's machine: write file:///DIR/FILE`);
    return text;
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    problems.add(at, `${what} needs a URL: write http://… or https://…`);
  } else if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    problems.add(
      at,
      `${what} has an address of type ${url.protocol}//, which is not supported: write http://…, https://… or file:///…`,
    );
  }
  return text;
}

/** Lists the URLs from which the files and commands of a template are fetched, each URL once. */
export function listUrls(template: Template): string[] {
  const contents = [...template.files, ...template.precommands, ...template.commands].map(({ content }) => content);
  return [...new Set(contents.flatMap((content) => (content.type === 'url' ? [content.url] : [])))];
}
