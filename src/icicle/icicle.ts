import { FactoryError } from '../build/errors.js';
import { childOf, childrenOf } from '../tdl/elements.js';
import { Problems } from '../tdl/place.js';
import { parseXml } from '../tdl/xml.js';

/** An installed package, as an ICICLE document lists it. */
export interface IciclePackage {
  /** What the system's package manager calls it: Debian's name, rpm's name-version-release.arch. */
  name: string;
  /** The line that the template's `extra_command` printed for it. */
  extra?: string;
}

/** An ICICLE document: what is installed in an image. */
export interface Icicle {
  description?: string;
  packages: IciclePackage[];
}

const TEXT_ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
const ATTRIBUTE_ESCAPES: Record<string, string> = { ...TEXT_ESCAPES, '"': '&quot;', '\n': '&#10;', '\t': '&#9;' };

/**
 * The document for a list of packages, in the list's order, byte for byte as Oz writes it (libxml2's serialisation): no XML
 * declaration, two spaces a level, a line feed at the end.
 */
export function writeIcicle(packages: readonly IciclePackage[], description?: string): string {
  const lines = ['<icicle>'];
  if (description !== undefined) lines.push(`  <description>${text(description)}</description>`);
  if (packages.length === 0) lines.push('  <packages/>');
  else lines.push('  <packages>', ...packages.map(packageElement), '  </packages>');
  lines.push('</icicle>', '');
  return lines.join('\n');
}

function packageElement({ name, extra }: IciclePackage): string {
  const start = `    <package name="${attribute(name)}"`;
  if (extra === undefined) return `${start}/>`;
  return `${start}>\n      <extra>${text(extra)}</extra>\n    </package>`;
}

function text(value: string): string {
  return xmlText(value).replace(/[&<>\r]/g, (character) => TEXT_ESCAPES[character] ?? character);
}

function attribute(value: string): string {
  return xmlText(value).replace(/[&<>\r"\n\t]/g, (character) => ATTRIBUTE_ESCAPES[character] ?? character);
}

/** What a command printed may hold characters that no XML document can. */
function xmlText(value: string): string {
  // eslint-disable-next-line no-control-regex
  return value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
}

/**
 * Reads an ICICLE document. Elements that it does not know are passed over.
 *
 * @throws FactoryError StoreFailed when it is none: ICICLE documents come from the store
 */
export function readIcicle(source: string): Icicle {
  const problems = new Problems(source);
  const root = parseXml(source, problems);
  const packages = childOf(root, 'packages');
  if (root?.name !== 'icicle' || packages === undefined) {
    const [first] = problems.list();
    const why = first === undefined ? 'it has no <packages> in an <icicle>' : `line ${first.line}: ${first.message}`;
    throw new FactoryError('StoreFailed', `this is no ICICLE document: ${why}`);
  }
  const description = childOf(root, 'description')?.text;
  return {
    ...(description === undefined ? {} : { description }),
    packages: childrenOf(packages, 'package').map((element) => {
      const name = element.attributes.get('name')?.value ?? '';
      const extra = childOf(element, 'extra')?.text;
      return extra === undefined ? { name } : { name, extra };
    }),
  };
}

/** The packages of a listing command's output: one a line, empty lines skipped, in the output's order. */
export function packagesFromListing(output: string): IciclePackage[] {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((name) => ({ name }));
}
