import { expand, isXmlChar, readDoctype, type Entities, type XmlRules } from './entities.js';
import type { Problems } from './place.js';

/** The result of the first pass over a document. */
export interface Scanned {
  /** The document with spaces in place of its DOCTYPE, so that offsets stay the same. */
  text: string;
  entities: Entities;
}

const DECLARATION =
  /<\?xml\s+version\s*=\s*(["'])1\.[0-9]+\1(?:\s+encoding\s*=\s*(["'])[A-Za-z][\w.-]*\2)?(?:\s+standalone\s*=\s*(["'])(?:yes|no)\3)?\s*\?>/y;
/**
 * Matches an attribute. A name is matched only from its beginning, because otherwise a long name without a value would
 * take a time that grows with the square of its length.
 */
const ATTRIBUTE = /(?<![^\s=/>"'])([^\s=/>"']+)\s*=\s*("[^"]*"|'[^']*')/g;
/**
 * Matches a tag up to its end; the value of an attribute may contain `>`. The name is matched as a whole, for the same
 * reason as the name in `ATTRIBUTE`.
 */
const TAG = /<\/?(?=([^\s/>"'<]*))\1(?:[^>"']|"[^"]*"|'[^']*')*>/y;

/**
 * Scans a document once before the XML library parses it, and reports mistakes that the library would accept: documents
 * above the limits, DTDs that contain anything but internal entities, undefined references, characters and sequences
 * that XML forbids, more than one root element. The library itself checks that tags match and attributes are
 * well-formed.
 */
export function scan(text: string, problems: Problems, rules: XmlRules): Scanned {
  const scanner = new Scanner(text, problems, rules);
  scanner.run();
  return { text: scanner.blanked, entities: scanner.entities };
}

class Scanner {
  readonly entities = new Map<string, string>();
  blanked: string;
  private depth = 0;
  private elements = 0;
  private hasDoctype = false;

  constructor(
    private readonly text: string,
    private readonly problems: Problems,
    private readonly rules: XmlRules,
  ) {
    this.blanked = text;
  }

  run(): void {
    this.checkCharacters();
    let at = this.declaration();
    while (at >= 0 && at < this.text.length) {
      at = this.text[at] === '<' ? this.markup(at) : this.characters(at);
    }
    if (at >= 0 && this.elements === 0 && !this.problems.any) {
      this.problems.add(0, 'the document is empty');
    }
  }

  private checkCharacters(): void {
    for (let index = 0; index < this.text.length; index++) {
      const code = this.text.codePointAt(index) ?? 0;
      if (!isXmlChar(code)) {
        const shown = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
        this.problems.add(
          index,
          `the character ${shown} is not allowed in XML: remove it, or encode the content as base64`,
        );
        return;
      }
      if (code > 0xffff) index++;
    }
  }

  private declaration(): number {
    if (!/^<\?xml[\s?]/.test(this.text)) return 0;
    DECLARATION.lastIndex = 0;
    if (DECLARATION.exec(this.text) !== null) return DECLARATION.lastIndex;
    this.problems.add(
      0,
      'this XML declaration is not valid: write <?xml version="1.0" encoding="UTF-8"?>, or remove it',
    );
    return this.past('?>', 0);
  }

  /** Checks the text from `at` to the next markup; returns the offset of the markup. */
  private characters(at: number): number {
    const next = this.text.indexOf('<', at);
    const end = next < 0 ? this.text.length : next;
    const run = this.text.slice(at, end);
    if (this.depth === 0) {
      const offset = run.search(/\S/);
      if (offset >= 0) this.problems.add(at + offset, 'text outside of the outermost element is not allowed');
      return end;
    }
    const stray = run.indexOf(']]>');
    if (stray >= 0) this.problems.add(at + stray, '"]]>" is not allowed in text: write ]]&gt;');
    this.references(run, at);
    return end;
  }

  private references(raw: string, at: number): void {
    expand(raw, this.entities, this.rules, (offset, message) => this.problems.add(at + offset, message));
  }

  private markup(at: number): number {
    if (this.text.startsWith('<!--', at)) return this.comment(at);
    if (this.text.startsWith('<![CDATA[', at)) {
      if (this.depth === 0) this.problems.add(at, 'text outside of the outermost element is not allowed');
      return this.past(']]>', at);
    }
    if (this.text.startsWith('<!DOCTYPE', at)) return this.doctype(at);
    if (this.text.startsWith('<?', at)) {
      if (/^<\?xml[\s?]/i.test(this.text.slice(at, at + 6))) {
        this.problems.add(
          at,
          'the XML declaration must be at the very beginning of the file: remove everything before it',
        );
      }
      return this.past('?>', at);
    }
    return this.tag(at);
  }

  private comment(at: number): number {
    const end = this.past('-->', at, 4);
    const dashes = end < 0 ? -1 : this.text.slice(at + 4, end - 3).search(/--|-$/);
    if (dashes >= 0) this.problems.add(at + 4 + dashes, '"--" is not allowed within a comment');
    return end;
  }

  private doctype(at: number): number {
    if (this.hasDoctype || this.elements > 0) {
      this.problems.add(at, 'only one DOCTYPE is allowed, before the outermost element: remove this one');
    }
    const isFirst = !this.hasDoctype;
    this.hasDoctype = true;
    const end = readDoctype(this.text, at, this.entities, this.rules, this.problems);
    // We replace only the first DOCTYPE, because each replacement copies the whole text. The library never gets a
    // document with two DOCTYPEs, because the second one is a mistake.
    if (end < 0 || !isFirst) return end;
    const blank = this.text.slice(at, end).replace(/[^\n]/g, ' ');
    this.blanked = this.blanked.slice(0, at) + blank + this.blanked.slice(end);
    return end;
  }

  private tag(at: number): number {
    TAG.lastIndex = at;
    const match = TAG.exec(this.text);
    if (match === null) {
      // The scan ends here: the library reports the mistake in this tag.
      return -1;
    }
    const [whole, name = ''] = match;
    if (whole.startsWith('</')) this.depth -= 1;
    else this.startTag(at, whole, name);
    return at + whole.length;
  }

  private startTag(at: number, whole: string, name: string): void {
    const { limits } = this.rules;
    this.elements += 1;
    if (this.depth === 0 && this.elements > 1)
      this.problems.add(at, 'a document has only one outermost element: nothing may follow its end');
    if (this.elements === limits.elements + 1)
      this.problems.add(at, `a document may have at most ${limits.elements} elements`);
    if (!whole.endsWith('/>')) this.depth += 1;
    if (this.depth === limits.depth + 1)
      this.problems.add(at, `elements may not be nested more than ${limits.depth} levels deep`);
    // The library also refuses names that every JavaScript object has, such as `constructor`, but gives no position.
    if (name in {}) this.problems.add(at, `<${name}> is not allowed as the name of an element`);
    this.attributes(at, whole);
  }

  private attributes(at: number, whole: string): void {
    const { limits } = this.rules;
    let count = 0;
    for (const match of whole.matchAll(ATTRIBUTE)) {
      const [pair, name = '', quoted = ''] = match;
      const place = at + match.index;
      count += 1;
      if (count === limits.attributes + 1) {
        this.problems.add(place, `an element may have at most ${limits.attributes} attributes`);
        return;
      }
      if (quoted.length - 2 > limits.attributeLength) {
        this.problems.add(place, `the value of an attribute may have at most ${limits.attributeLength} characters`);
        continue;
      }
      if (name in {}) this.problems.add(place, `${name} is not allowed as the name of an attribute`);
      const value = quoted.slice(1, -1);
      const start = place + pair.length - quoted.length + 1;
      const less = value.indexOf('<');
      if (less >= 0) this.problems.add(start + less, '"<" is not allowed in an attribute: write &lt;');
      this.references(value, start);
    }
  }

  /**
   * Returns the offset after the next occurrence of the text `end`. If it does not occur, reports a mistake and returns
   * -1.
   */
  private past(end: string, at: number, skip = 2): number {
    const found = this.text.indexOf(end, at + skip);
    if (found >= 0) return found + end.length;
    this.problems.add(at, `"${end}" is missing: the part that begins here is not closed`);
    return -1;
  }
}
