import { findNearest } from '../domain/nearest.js';
import type { Problems } from './place.js';
import type { XmlElement } from './xml.js';

/**
 * The allowed content of an element: the names of its attributes and children. An element may have either children or
 * text.
 */
export interface Shape {
  attributes?: readonly string[];
  children?: readonly string[];
  /** Children that may occur any number of times; each child in `children` may occur only once. */
  repeated?: readonly string[];
}

const XINCLUDE = 'http://www.w3.org/2001/XInclude';

/** Checks the attributes and the content of an element against its shape, and reports each difference as a mistake. */
export function checkShape(element: XmlElement, shape: Shape, problems: Problems): void {
  checkAttributes(element, shape.attributes ?? [], problems);
  const known = [...(shape.children ?? []), ...(shape.repeated ?? [])];
  const seen = new Set<string>();
  for (const child of element.children) {
    if (!known.includes(child.name)) {
      refuseChild(element, child, known, problems);
    } else if (seen.has(child.name) && !shape.repeated?.includes(child.name)) {
      problems.add(child.at, `<${element.name}> may contain <${child.name}> only once: remove one of them`);
    }
    seen.add(child.name);
  }
  if (known.length > 0 && element.text.trim() !== '') {
    const expected = known.map((name) => `<${name}>`).join(', ');
    problems.add(element.at, `<${element.name}> contains text, but may contain only ${expected}`);
  }
}

function checkAttributes(element: XmlElement, known: readonly string[], problems: Problems): void {
  for (const [name, { at, value }] of element.attributes) {
    // We accept the declaration of a namespace prefix, because a prefix that is not used has no effect.
    if (known.includes(name) || name.startsWith('xmlns:')) continue;
    if (name === 'xmlns') {
      if (value !== '') problems.add(at, 'a template has no namespace: remove xmlns');
      continue;
    }
    const meant = findNearest(name, known);
    const advice =
      meant !== undefined
        ? `did you mean ${meant}?`
        : known.length > 0
          ? `allowed are ${known.join(', ')}`
          : 'this element has no attributes';
    problems.add(at, `the attribute ${name} is not allowed in <${element.name}>: ${advice}`);
  }
}

function refuseChild(parent: XmlElement, child: XmlElement, known: readonly string[], problems: Problems): void {
  const local = child.name.replace(/^.*:/, '');
  const namespace = [...child.attributes.values()].some(({ value }) => value === XINCLUDE);
  if (namespace || (child.name.includes(':') && ['include', 'fallback'].includes(local))) {
    problems.add(
      child.at,
      "XInclude is not supported, because no other file is read: write the content here, or give its URL with type='url'",
    );
    return;
  }
  const meant = findNearest(child.name, known);
  const advice =
    meant !== undefined
      ? `did you mean <${meant}>?`
      : known.length > 0
        ? `allowed are ${known.map((name) => `<${name}>`).join(', ')}`
        : 'only text is allowed';
  problems.add(child.at, `<${child.name}> is not allowed in <${parent.name}>: ${advice}`);
}

/** Finds the first child with this name. */
export function findChild(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}

export function findChildren(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** Finds a required child; reports a mistake when it is missing. */
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

/** Reports a mistake when a name contains control characters, such as line breaks. */
export function refuseControls(text: string, at: number, what: string, problems: Problems): void {
  if (/[\u0000-\u001f\u007f]/.test(text)) problems.add(at, `${what} must be one line without control characters`);
}
