import type { Problems } from './place.js';
import type { Content, Template } from './types.js';
import type { XmlElement } from './xml.js';

const TYPES = ['raw', 'base64', 'url'];

/**
 * The content of a `<file>` or `<command>`: raw text (trimmed at both ends, as Oz does), base64 (white space in it
 * does not count), or the address to fetch it from.
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
      `<${element.name}> is not base64: only A-Z, a-z, 0-9, +, / and = at the end may stand in it`,
    );
  } else if (!isPadded(base64)) {
    problems.add(
      element.at,
      `<${element.name}> is not whole base64: its length must be a multiple of 4, with = to fill it up`,
    );
  }
  return base64;
}

/**
 * Whether the text has at least the `=` that its length needs; more do no harm. A single digit would need three, which
 * is invalid.
 */
function isPadded(base64: string): boolean {
  const digits = base64.replace(/=+$/, '').length;
  return base64.length - digits >= (4 - (digits % 4)) % 4;
}

/**
 * Checks a URL that an activity will fetch: http, https, or a file on the worker's machine. Nothing is read here; the
 * worker decides which files it may read.
 */
function readUrl(text: string, at: number, what: string, problems: Problems): string {
  // Oz also accepts relative file URLs, which no URL parser accepts.
  if (/^file:\/\/./i.test(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    problems.add(at, `${what} needs an address: write http://… or https://…`);
  } else if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    problems.add(
      at,
      `${what} has an address of type ${url.protocol}//, which is not fetched: write http://…, https://… or file:///…`,
    );
  }
  return text;
}

/** Lists every URL that a template's files and commands are fetched from, each once. */
export function listUrls(template: Template): string[] {
  const contents = [...template.files, ...template.precommands, ...template.commands].map(({ content }) => content);
  return [...new Set(contents.flatMap((content) => (content.type === 'url' ? [content.url] : [])))];
}
