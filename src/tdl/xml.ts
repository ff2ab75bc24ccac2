import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { expand, type Entities, type XmlRules } from './entities.js';
import { FOREIGN_LIMITS, LIMITS, type XmlLimits } from './limits.js';
import type { Problems } from './place.js';
import { scan } from './scan.js';

/** An XML element. Each `at` is an offset in the document. */
export interface XmlElement {
  name: string;
  /** Offset of the `<` of the start tag. */
  at: number;
  attributes: Map<string, { value: string; at: number }>;
  children: XmlElement[];
  /**
   * The text in this element, but not in its children: with CDATA, without comments, with references replaced; not
   * trimmed.
   */
  text: string;
}

const TEXT = '#text';
const CDATA = '#cdata';
const ATTRIBUTES = ':@';

/**
 * A node as the XML library returns it with option `preserveOrder`: an object with the key `:@` for the attributes, and
 * one other key, the name of the element.
 */
type Node = Record<string, unknown> & { [ATTRIBUTES]?: Record<string, string> };

const OPTIONS = {
  preserveOrder: true,
  captureMetaData: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  cdataPropName: CDATA,
  // entities.ts replaces the entities, within limits and with a position for each mistake.
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
};

/**
 * Parses a template, and returns its root element. If the document is not well-formed or exceeds a limit, reports that
 * in `problems` and returns undefined.
 */
export function parseXml(source: string, problems: Problems): XmlElement | undefined {
  return parse(source, problems, startRules(LIMITS, false));
}

/**
 * Parses XML that is not a template: an install script. Accepts everything that XML allows, such as an external DTD,
 * but does not read that DTD.
 */
export function parseForeignXml(source: string, problems: Problems): XmlElement | undefined {
  return parse(source, problems, startRules(FOREIGN_LIMITS, true));
}

function startRules(limits: XmlLimits, foreign: boolean): XmlRules {
  return { limits, foreign, references: 0, characters: 0, hasOtherEntities: false };
}

function parse(source: string, problems: Problems, rules: XmlRules): XmlElement | undefined {
  const { text, entities } = scan(source, problems, rules);
  if (!problems.any) validate(text, problems);
  if (problems.any) return undefined;
  try {
    const parser = new XMLParser({ ...OPTIONS, maxNestedTags: rules.limits.depth + 1 });
    const nodes = parser.parse(text) as Node[];
    // The second pass replaces the same references again, so its counters begin at 0.
    const builder = new Builder(text, entities, { ...rules, references: 0, characters: 0 });
    const root = nodes.map((node) => builder.element(node)).find((element) => element !== undefined);
    if (root === undefined) problems.add(0, 'the document is empty');
    return root;
  } catch (error) {
    problems.add(0, `not well-formed XML: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function validate(text: string, problems: Problems): void {
  const result = XMLValidator.validate(text);
  if (result === true) return;
  const { msg, line, col } = result.err;
  problems.add(findOffset(text, line, col), `not well-formed XML: ${msg}`);
}

function findOffset(text: string, line: number, column = 1): number {
  let offset = 0;
  for (let passed = 1; passed < line; passed++) offset = text.indexOf('\n', offset) + 1;
  return offset + Math.max(1, column) - 1;
}

class Builder {
  private readonly metadata = XMLParser.getMetaDataSymbol() as unknown as string;

  constructor(
    private readonly text: string,
    private readonly entities: Entities,
    private readonly rules: XmlRules,
  ) {}

  element(node: Node): XmlElement | undefined {
    const name = Object.keys(node).find((key) => key !== ATTRIBUTES);
    if (name === undefined || name === TEXT || name === CDATA) return undefined;
    const content = node[name] as Node[];
    const at = (node[this.metadata] as { startIndex?: number } | undefined)?.startIndex ?? 0;
    return {
      name,
      at,
      attributes: this.attributes(node[ATTRIBUTES] ?? {}, at),
      children: content.map((child) => this.element(child)).filter((child) => child !== undefined),
      text: content.map((child) => this.ownText(child)).join(''),
    };
  }

  private ownText(node: Node): string {
    if (typeof node[TEXT] === 'string') return this.expanded(node[TEXT]);
    const cdata = node[CDATA] as { [TEXT]?: string }[] | undefined;
    return cdata?.map((piece) => piece[TEXT] ?? '').join('') ?? '';
  }

  private attributes(raw: Record<string, string>, at: number): XmlElement['attributes'] {
    // XML 1.0, 3.3.3: a tab or a line break in the value of an attribute becomes a space.
    return new Map(
      Object.entries(raw).map(([name, value]) => [
        name,
        { value: this.expanded(value.replace(/[\t\n]/g, ' ')), at: this.attributeAt(name, at) },
      ]),
    );
  }

  private attributeAt(name: string, at: number): number {
    const pair = /\s([^\s=/>"']+)\s*=\s*(?:"[^"]*"|'[^']*')/g;
    pair.lastIndex = at;
    for (let match = pair.exec(this.text); match !== null; match = pair.exec(this.text)) {
      if (match[1] === name) return match.index + 1;
    }
    return at;
  }

  private expanded(raw: string): string {
    return expand(raw, this.entities, this.rules, () => {});
  }
}
