import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { FactoryError } from '../domain/errors.js';

/** An installed package, as an ICICLE document lists it. */
export interface IciclePackage {
  /** The package's name in the system's package manager: Debian's name, or rpm's name-version-release.arch. */
  name: string;
  /** The line that the template's `extra_command` printed for the package. Unset when there is no such command. */
  extra?: string;
}

/** An ICICLE document: the packages that are installed in an image. */
export interface Icicle {
  description?: string;
  packages: IciclePackage[];
}

const TEXT_ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
const ATTRIBUTE_ESCAPES: Record<string, string> = { ...TEXT_ESCAPES, '"': '&quot;', '\n': '&#10;', '\t': '&#9;' };

/**
 * Builds the ICICLE document for a list of packages, in the list's order, byte for byte as Oz writes it (libxml2's
 * serialisation): no XML declaration, two spaces per level, a line feed at the end.
 */
export function writeIcicle(packages: readonly IciclePackage[], description?: string): string {
  const lines = ['<icicle>'];
  if (description !== undefined) lines.push(`  <description>${text(description)}</description>`);
  if (packages.length === 0) lines.push('  <packages/>');
  else lines.push('  <packages>', ...packages.map(writePackage), '  </packages>');
  lines.push('</icicle>', '');
  return lines.join('\n');
}

function writePackage({ name, extra }: IciclePackage): string {
  const start = `    <package name="${attribute(name)}"`;
  if (extra === undefined) return `${start}/>`;
  return `${start}>\n      <extra>${text(extra)}</extra>\n    </package>`;
}

function text(value: string): string {
  return escapeXml(value).replace(/[&<>\r]/g, (character) => TEXT_ESCAPES[character] ?? character);
}

function attribute(value: string): string {
  return escapeXml(value).replace(/[&<>\r"\n\t]/g, (character) => ATTRIBUTE_ESCAPES[character] ?? character);
}

/** Replaces the characters that XML forbids with U+FFFD. The output of a command may contain them. */
function escapeXml(value: string): string {
  return value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
}

/**
 * An element as the XML library returns it: names of attributes begin with `@`, text is `#text`, children are lists.
 */
type Element = Record<string, unknown>;

const TEXT = '#text';

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  alwaysCreateTextNode: true,
  isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // `unescapeXml` replaces entities and numeric references, because the library would leave numeric references as they
  // are.
  processEntities: false,
});

/**
 * Reads an ICICLE document. Skips unknown elements. Rejects a DOCTYPE, because it could define entities.
 *
 * @throws FactoryError StoreFailed when the document is invalid, because ICICLE documents come from the store
 */
export function readIcicle(source: string): Icicle {
  const root = findChild(parseElements(source), 'icicle');
  const packages = root && findChild(root, 'packages');
  if (root === undefined || packages === undefined) throw unreadableError('it has no <packages> in <icicle>');
  const description = findChild(root, 'description');
  return {
    ...(description === undefined ? {} : { description: readText(description) }),
    packages: findChildren(packages, 'package').map(readPackage),
  };
}

function parseElements(source: string): Element {
  if (source.includes('<!DOCTYPE')) throw unreadableError('it has a DOCTYPE, which is not allowed');
  const valid = XMLValidator.validate(source);
  if (valid !== true) throw unreadableError(`line ${valid.err.line}: ${valid.err.msg}`);
  const parsed: unknown = parser.parse(source);
  return isElement(parsed) ? parsed : {};
}

function readPackage(element: Element): IciclePackage {
  const name = unescapeXml(element['@name']);
  if (name === '') throw unreadableError('a <package> has no name');
  const extra = findChild(element, 'extra');
  return extra === undefined ? { name } : { name, extra: readText(extra) };
}

function findChildren(element: Element, name: string): Element[] {
  const found = element[name];
  return Array.isArray(found) ? found.filter(isElement) : [];
}

function findChild(element: Element, name: string): Element | undefined {
  return findChildren(element, name)[0];
}

function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readText(element: Element): string {
  const text = element[TEXT];
  return unescapeXml(Array.isArray(text) ? text.join('') : text);
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: unknown): string {
  if (typeof text !== 'string') return '';
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? whole;
      const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

function unreadableError(why: string): FactoryError {
  return new FactoryError('StoreFailed', `the ICICLE document in the store is not valid: ${why}`);
}

/**
 * Maximum length of the output of an `extra_command`, in characters. The ICICLE is a part of the record, which Temporal
 * transfers in one payload of at most 2 MiB.
 */
export const LARGEST_EXTRA = 512 * 1024;

/** Parses the output of the command that lists the packages: one per line. Keeps the order; skips empty lines. */
export function parseListing(output: string): IciclePackage[] {
  return splitLines(output).flatMap((line) => {
    const name = line.trim();
    return name === '' ? [] : [{ name }];
  });
}

/**
 * Parses the output of the command that lists the packages, and gives each package its line of the output of the
 * template's `extra_command`, as Oz does: the line at the same position.
 *
 * @throws FactoryError CommandFailed when `extra` has more or fewer lines than `output`
 */
export function pairWithExtra(output: string, extra: string): IciclePackage[] {
  const names = splitLines(output);
  const extras = splitLines(extra);
  if (extras.length !== names.length) {
    throw new FactoryError(
      'CommandFailed',
      `the template’s extra_command printed ${extras.length} lines for ${names.length} packages: ` +
        'it must print exactly one line for each package, in the order of the package list',
    );
  }
  return names.flatMap((line, index) => {
    const name = line.trim();
    return name === '' ? [] : [{ name, extra: extras[index] ?? '' }];
  });
}

/** Splits an output into lines. The last line may end without a line feed. */
function splitLines(output: string): string[] {
  const lines = output.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}
