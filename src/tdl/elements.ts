import { findNearest } from './nearest.js';
import type { Problems } from './place.js';
import type { XmlElement } from './xml.js';

/** The allowed content of an element: names of attributes and children; text unless it has children. */
export interface Shape {
  attributes?: readonly string[];
  children?: readonly string[];
  /** Children that may occur any number of times; each of the others may occur once. */
  repeated?: readonly string[];
}

const XINCLUDE = 'http://www.w3.org/2001/XInclude';

/** Checks the content of an element against its shape, and reports everything else as a mistake. */
export function checkShape(element: XmlElement, shape: Shape, problems: Problems): void {
  checkAttributes(element, shape.attributes ?? [], problems);
  const known = [...(shape.children ?? []), ...(shape.repeated ?? [])];
  const seen = new Set<string>();
  for (const child of element.children) {
    if (!known.includes(child.name)) {
      refuseChild(element, child, known, problems);
    } else if (seen.has(child.name) && !shape.repeated?.includes(child.name)) {
      problems.add(child.at, `<${child.name}> may stand only once in <${element.name}>: take one of them out`);
    }
    seen.add(child.name);
  }
  if (known.length > 0 && element.text.trim() !== '') {
    const expected = known.map((name) => `<${name}>`).join(', ');
    problems.add(element.at, `<${element.name}> holds text, but takes only ${expected}`);
  }
}

function checkAttributes(element: XmlElement, known: readonly string[], problems: Problems): void {
  for (const [name, { at, value }] of element.attributes) {
    // A namespace that is declared and not used changes nothing.
    if (known.includes(name) || name.startsWith('xmlns:')) continue;
    if (name === 'xmlns') {
      if (value !== '') problems.add(at, 'a template has no namespace: take xmlns out');
      continue;
    }
    const meant = findNearest(name, known);
    const advice =
      meant !== undefined ? `is ${meant} meant?` : known.length > 0 ? `it takes ${known.join(', ')}` : 'it takes none';
    problems.add(at, `<${element.name}> has no attribute ${name}: ${advice}`);
  }
}

function refuseChild(parent: XmlElement, child: XmlElement, known: readonly string[], problems: Problems): void {
  const local = child.name.replace(/^.*:/, '');
  const namespace = [...child.attributes.values()].some(({ value }) => value === XINCLUDE);
  if (namespace || (child.name.includes(':') && ['include', 'fallback'].includes(local))) {
    problems.add(
      child.at,
      "XInclude is not taken, no other file is read: write the content here, or give its address with type='url'",
    );
    return;
  }
  const meant = findNearest(child.name, known);
  const advice =
    meant !== undefined
      ? `is <${meant}> meant?`
      : known.length > 0
        ? `it takes ${known.map((name) => `<${name}>`).join(', ')}`
        : 'it takes text only';
  problems.add(child.at, `<${child.name}> does not belong in <${parent.name}>: ${advice}`);
}

/** The first child of a name. */
export function findChild(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}

export function findChildren(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** Reads a required child. */
export function readRequiredChild(
  element: XmlElement,
  name: string,
  problems: Problems,
  example: string,
): XmlElement | undefined {
  const child = findChild(element, name);
  if (child === undefined) problems.add(element.at, `<${element.name}> lacks <${name}>: write ${example}`);
  return child;
}

/** Reads the trimmed text of an element that must not be empty. */
export function readRequiredText(element: XmlElement | undefined, problems: Problems, example: string): string {
  if (element === undefined) return '';
  const text = element.text.trim();
  if (text === '') problems.add(element.at, `<${element.name}> is empty: write ${example}`);
  return text;
}

/** Reads the trimmed text of an optional child element; undefined when it is missing or empty. */
export function readOptionalText(element: XmlElement | undefined, name: string): string | undefined {
  const text = findChild(element, name)?.text.trim();
  return text === '' ? undefined : text;
}

/** Reads a required attribute that must not be empty. */
export function readRequiredAttribute(element: XmlElement, name: string, problems: Problems, example: string): string {
  const attribute = element.attributes.get(name);
  if (attribute === undefined) {
    problems.add(element.at, `<${element.name}> lacks the attribute ${name}: write ${example}`);
    return '';
  }
  if (attribute.value.trim() === '') problems.add(attribute.at, `the attribute ${name} is empty: write ${example}`);
  return attribute.value;
}

/** Refuses control characters (including line breaks) in a name. */
export function refuseControls(text: string, at: number, what: string, problems: Problems): void {
  if (/[\u0000-\u001f\u007f]/.test(text)) problems.add(at, `${what} must be one line without control characters`);
}
