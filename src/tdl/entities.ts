import { LIMITS } from './limits.js';
import type { Problems } from './place.js';

/** Internal entities by name: their replacement text. */
export type Entities = ReadonlyMap<string, string>;

/** The references replaced so far, and their characters; one count for the whole document. */
export interface Spent {
  references: number;
  characters: number;
}

const PREDEFINED: Record<string, string> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };

const NAME = '[:A-Za-z_\\u0080-\\uFFFF][-.:\\w\\u0080-\\uFFFF]*';
const REFERENCE = new RegExp(`&(?:#x([0-9A-Fa-f]+);|#([0-9]+);|(${NAME});)?`, 'g');
/**
 * White space of XML. `\s` matches more characters, some of which are also matched in names: the expression would try
 * both ways for each of them.
 */
const S = '[ \\t\\r\\n]';
const DECLARATION = new RegExp(`^<!ENTITY${S}+(${NAME})${S}+(?:"([^"]*)"|'([^']*)')${S}*>$`);
const EXTERNAL = new RegExp(`^<!ENTITY${S}+(?:%${S}+)?${NAME}${S}+(?:SYSTEM|PUBLIC)\\b`);
const DOCTYPE = new RegExp(`<!DOCTYPE${S}+${NAME}${S}*((?:SYSTEM|PUBLIC)${S}(?:[^>"'[]|"[^"]*"|'[^']*')*)?`, 'y');

/** A character that XML 1.0 allows (2.2). */
export function isXmlChar(code: number): boolean {
  return (
    code === 0x9 ||
    code === 0xa ||
    code === 0xd ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}

/**
 * Replaces the references in a piece of text.
 *
 * @param wrong called for each mistake, with its offset in `raw`
 */
export function expand(
  raw: string,
  entities: Entities,
  spent: Spent,
  wrong: (offset: number, message: string) => void,
  within: readonly string[] = [],
): string {
  if (!raw.includes('&')) return raw;
  return raw.replace(
    REFERENCE,
    (whole, hex: string | undefined, decimal: string | undefined, name: string | undefined, offset: number) => {
      const code = hex !== undefined ? parseInt(hex, 16) : decimal !== undefined ? parseInt(decimal, 10) : undefined;
      if (code !== undefined) {
        if (isXmlChar(code)) return String.fromCodePoint(code);
        wrong(offset, `${whole} is no character that XML allows`);
        return '';
      }
      if (name === undefined) {
        wrong(offset, `a bare "&" is not allowed: write &amp;, or put the text into <![CDATA[ … ]]>`);
        return '';
      }
      const predefined = Object.hasOwn(PREDEFINED, name) ? PREDEFINED[name] : undefined;
      if (predefined !== undefined) return predefined;
      const value = entities.get(name);
      if (value === undefined) {
        wrong(offset, `the entity &${name}; is not declared: write &amp;${name}; if the text itself is meant`);
        return '';
      }
      return nested(value, name, entities, spent, (message) => wrong(offset, message), within);
    },
  );
}

function nested(
  value: string,
  name: string,
  entities: Entities,
  spent: Spent,
  wrong: (message: string) => void,
  within: readonly string[],
): string {
  // Above a limit nothing more is replaced: the mistake has been reported.
  if (spent.references > LIMITS.entityReferences || spent.characters > LIMITS.entityText) return '';
  spent.references += 1;
  spent.characters += value.length;
  if (spent.references > LIMITS.entityReferences) {
    wrong(`more than ${LIMITS.entityReferences} entity references are to be replaced: write the text out`);
    return '';
  }
  if (spent.characters > LIMITS.entityText) {
    wrong(`the entities come to more than ${LIMITS.entityText} characters: write the text out`);
    return '';
  }
  if (within.includes(name) || within.length >= LIMITS.entityDepth) {
    const why = within.includes(name) ? 'contains itself' : `is nested more than ${LIMITS.entityDepth} deep`;
    wrong(`the entity &${name}; ${why}: write the text out`);
    return '';
  }
  return expand(value, entities, spent, (_offset, message) => wrong(`in the entity &${name};: ${message}`), [
    ...within,
    name,
  ]);
}

/** Finds the end of the item of an internal subset that begins at `from`; -1 without an end. */
function itemEnd(text: string, from: number): number {
  if (text.startsWith('<!--', from)) return after(text, '-->', from + 4);
  if (text.startsWith('<?', from)) return after(text, '?>', from + 2);
  const item = /<!(?:[^>"']|"[^"]*"|'[^']*')*>/y;
  item.lastIndex = from;
  return item.exec(text) === null ? -1 : item.lastIndex;
}

function after(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from);
  return found < 0 ? -1 : found + end.length;
}

/**
 * Reads a DOCTYPE that begins at `start`: accepts internal general entities with plain text, refuses everything else in
 * a DTD. Nothing is ever fetched.
 *
 * @returns the offset of the DOCTYPE's end; -1 without an end, which is added to `problems`
 */
export function readDoctype(text: string, start: number, entities: Map<string, string>, problems: Problems): number {
  DOCTYPE.lastIndex = start;
  const match = DOCTYPE.exec(text);
  if (match === null) {
    problems.add(start, 'this DOCTYPE cannot be read: leave it out, none is needed');
    return -1;
  }
  if (match[1] !== undefined) {
    problems.add(start, 'an external DTD is not read: leave out SYSTEM or PUBLIC and what follows it');
  }
  let at = DOCTYPE.lastIndex;
  if (text[at] === '[') {
    at = readSubset(text, at + 1, entities, problems);
    if (at < 0) return -1;
  }
  const close = /\s*>/y;
  close.lastIndex = at;
  if (close.exec(text) !== null) return close.lastIndex;
  problems.add(at, 'the DOCTYPE is not closed: ">" is expected here');
  return -1;
}

function readSubset(text: string, from: number, entities: Map<string, string>, problems: Problems): number {
  let at = from;
  for (;;) {
    const space = /\s*/y;
    space.lastIndex = at;
    space.exec(text);
    at = space.lastIndex;
    if (text[at] === ']') return at + 1;
    if (text[at] === '%') {
      problems.add(at, 'parameter entities are not taken: leave them out');
      const end = after(text, ';', at);
      if (end < 0) return -1;
      at = end;
      continue;
    }
    const end = text.startsWith('<', at) ? itemEnd(text, at) : -1;
    if (end < 0) {
      problems.add(at, 'the DOCTYPE is not closed, or holds what cannot be read: leave it out, none is needed');
      return -1;
    }
    if (text.startsWith('<!', at) && !text.startsWith('<!--', at)) {
      declare(text.slice(at, end), at, entities, problems);
    }
    at = end;
  }
}

function declare(item: string, at: number, entities: Map<string, string>, problems: Problems): void {
  if (/^<!ENTITY\s+%/.test(item)) return problems.add(at, 'parameter entities are not taken: leave them out');
  if (EXTERNAL.test(item)) return problems.add(at, 'external entities are not read: write the text itself');
  const match = DECLARATION.exec(item);
  const name = match?.[1];
  if (match === null || name === undefined) {
    return problems.add(at, 'of a DTD, only <!ENTITY name "text"> is taken: leave this out');
  }
  // Character references are replaced when an entity is declared, other references when it is used (XML 1.0, 4.4).
  const value = (match[2] ?? match[3] ?? '').replace(
    /&#(?:x([0-9A-Fa-f]+)|([0-9]+));/g,
    (whole, hex?: string, decimal?: string) => {
      const code = hex === undefined ? parseInt(decimal ?? '', 10) : parseInt(hex, 16);
      return isXmlChar(code) ? String.fromCodePoint(code) : whole;
    },
  );
  if (value.includes('<')) return problems.add(at, `the entity ${name} holds markup: entities may hold text only`);
  if (entities.size >= LIMITS.entities) return problems.add(at, `more than ${LIMITS.entities} entities are declared`);
  if (!entities.has(name)) entities.set(name, value);
}
