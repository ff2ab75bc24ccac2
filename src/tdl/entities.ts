import type { XmlLimits } from './limits.js';
import type { Problems } from './place.js';

/** The replacement text of each internal entity, by the name of the entity. */
export type Entities = ReadonlyMap<string, string>;

/** The rules for one document, and the counters for its limits. One such object is used for the whole document. */
export interface XmlRules {
  limits: XmlLimits;
  /**
   * Whether the document is not a template but other XML, such as an AutoYaST profile. Its DOCTYPE may have everything
   * that XML allows. We skip the parts that we do not need, and fetch nothing.
   */
  foreign: boolean;
  /** The number of references that have been replaced so far. */
  references: number;
  /** The number of characters that have replaced references so far. */
  characters: number;
  /** Whether entities may be declared in a DTD that we do not read, so an undeclared entity is not a mistake. */
  hasOtherEntities: boolean;
}

const PREDEFINED: Record<string, string> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };

const NAME = '[:A-Za-z_\\u0080-\\uFFFF][-.:\\w\\u0080-\\uFFFF]*';
const REFERENCE = new RegExp(`&(?:#x([0-9A-Fa-f]+);|#([0-9]+);|(${NAME});)?`, 'g');
/**
 * The white space of XML. We do not use `\s`, because it also matches characters that `NAME` matches, so the
 * expressions below would backtrack for a long time.
 */
const S = '[ \\t\\r\\n]';
const DECLARATION = new RegExp(`^<!ENTITY${S}+(${NAME})${S}+(?:"([^"]*)"|'([^']*)')${S}*>$`);
const EXTERNAL = new RegExp(`^<!ENTITY${S}+(?:%${S}+)?${NAME}${S}+(?:SYSTEM|PUBLIC)\\b`);
const DOCTYPE = new RegExp(`<!DOCTYPE${S}+${NAME}${S}*((?:SYSTEM|PUBLIC)${S}(?:[^>"'[]|"[^"]*"|'[^']*')*)?`, 'y');

/** Checks whether XML 1.0 allows a character (section 2.2). */
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
 * Replaces the references to entities and characters in a piece of text.
 *
 * @param wrong called for each mistake, with its offset in `raw`
 * @param within names of the entities in which `raw` is nested
 */
export function expand(
  raw: string,
  entities: Entities,
  rules: XmlRules,
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
        wrong(offset, `${whole} is not a character that XML allows`);
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
        if (rules.hasOtherEntities) return whole;
        wrong(offset, `the entity &${name}; is not declared: write &amp;${name}; if you mean the text itself`);
        return '';
      }
      return nested(value, name, entities, rules, (message) => wrong(offset, message), within);
    },
  );
}

function nested(
  value: string,
  name: string,
  entities: Entities,
  rules: XmlRules,
  wrong: (message: string) => void,
  within: readonly string[],
): string {
  // Once a limit is exceeded, we replace no more references: the mistake has already been reported.
  const { limits } = rules;
  if (rules.references > limits.entityReferences || rules.characters > limits.entityText) return '';
  rules.references += 1;
  rules.characters += value.length;
  if (rules.references > limits.entityReferences) {
    wrong(
      `the document has more than ${limits.entityReferences} entity references: write the text instead of the references`,
    );
    return '';
  }
  if (rules.characters > limits.entityText) {
    wrong(
      `the replaced entities have more than ${limits.entityText} characters in all: write the text instead of the references`,
    );
    return '';
  }
  if (within.includes(name) || within.length >= limits.entityDepth) {
    const why = within.includes(name) ? 'contains itself' : `is nested more than ${limits.entityDepth} levels deep`;
    wrong(`the entity &${name}; ${why}: write the text instead of the reference`);
    return '';
  }
  return expand(value, entities, rules, (_offset, message) => wrong(`in the entity &${name};: ${message}`), [
    ...within,
    name,
  ]);
}

/**
 * Finds the end of an item in the internal subset of a DOCTYPE. The item begins at `from`. Returns -1 if the item does
 * not end.
 */
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
 * Reads a DOCTYPE that begins at `start`. In a template, accepts internal general entities with plain text, and refuses
 * everything else in a DTD. Never fetches anything.
 *
 * @returns the offset of the DOCTYPE's end; -1 if it does not end, which is reported in `problems`
 */
export function readDoctype(
  text: string,
  start: number,
  entities: Map<string, string>,
  rules: XmlRules,
  problems: Problems,
): number {
  DOCTYPE.lastIndex = start;
  const match = DOCTYPE.exec(text);
  if (match === null) {
    problems.add(start, 'this DOCTYPE cannot be parsed: remove it');
    return -1;
  }
  if (match[1] !== undefined) {
    if (rules.foreign) rules.hasOtherEntities = true;
    else problems.add(start, 'an external DTD is not supported: remove SYSTEM or PUBLIC and the text after it');
  }
  let at = DOCTYPE.lastIndex;
  if (text[at] === '[') {
    at = readSubset(text, at + 1, entities, rules, problems);
    if (at < 0) return -1;
  }
  const close = /\s*>/y;
  close.lastIndex = at;
  if (close.exec(text) !== null) return close.lastIndex;
  problems.add(at, 'the DOCTYPE is not closed: ">" is expected here');
  return -1;
}

function readSubset(
  text: string,
  from: number,
  entities: Map<string, string>,
  rules: XmlRules,
  problems: Problems,
): number {
  let at = from;
  for (;;) {
    const space = /\s*/y;
    space.lastIndex = at;
    space.exec(text);
    at = space.lastIndex;
    if (text[at] === ']') return at + 1;
    if (text[at] === '%') {
      if (rules.foreign) rules.hasOtherEntities = true;
      else problems.add(at, 'parameter entities are not supported: remove them');
      const end = after(text, ';', at);
      if (end < 0) return -1;
      at = end;
      continue;
    }
    const end = text.startsWith('<', at) ? itemEnd(text, at) : -1;
    if (end < 0) {
      problems.add(at, 'the DOCTYPE is not closed, or this part cannot be parsed: remove the DOCTYPE');
      return -1;
    }
    if (text.startsWith('<!', at) && !text.startsWith('<!--', at)) {
      declare(text.slice(at, end), at, entities, rules, problems);
    }
    at = end;
  }
}

function declare(item: string, at: number, entities: Map<string, string>, rules: XmlRules, problems: Problems): void {
  const { limits, foreign } = rules;
  if (foreign && (!DECLARATION.test(item) || entities.size >= limits.entities)) {
    rules.hasOtherEntities = true;
    return;
  }
  if (/^<!ENTITY\s+%/.test(item)) return problems.add(at, 'parameter entities are not supported: remove them');
  if (EXTERNAL.test(item)) return problems.add(at, 'external entities are not supported: write the text itself');
  const match = DECLARATION.exec(item);
  const name = match?.[1];
  if (match === null || name === undefined) {
    return problems.add(at, 'a DOCTYPE may contain only <!ENTITY name "text">: remove this declaration');
  }
  // Character references are replaced when an entity is declared, other references when the entity is used (XML 1.0,
  // 4.4).
  const value = (match[2] ?? match[3] ?? '').replace(
    /&#(?:x([0-9A-Fa-f]+)|([0-9]+));/g,
    (whole, hex?: string, decimal?: string) => {
      const code = hex === undefined ? parseInt(decimal ?? '', 10) : parseInt(hex, 16);
      return isXmlChar(code) ? String.fromCodePoint(code) : whole;
    },
  );
  if (value.includes('<') && !foreign)
    return problems.add(at, `the entity ${name} contains markup, but an entity may contain only text`);
  if (entities.size >= limits.entities)
    return problems.add(at, `a DOCTYPE may declare at most ${limits.entities} entities`);
  if (!entities.has(name)) entities.set(name, value);
}
