import {
  checkShape,
  findChild,
  findChildren,
  refuseControls,
  readRequiredAttribute,
  readRequiredChild,
  readRequiredText,
} from './elements.js';
import type { Problems } from './place.js';
import type { Repository } from './types.js';
import type { XmlElement } from './xml.js';

/**
 * Reads the repositories in the order of the template. If several repositories have the same name, the last one
 * replaces the others.
 */
export function readRepositories(section: XmlElement | undefined, problems: Problems): Repository[] {
  if (section === undefined) return [];
  checkShape(section, { repeated: ['repository'] }, problems);
  const repositories = new Map<string, Repository>();
  for (const element of findChildren(section, 'repository')) {
    checkShape(element, { attributes: ['name'], children: ['url', 'signed', 'persisted', 'sslverify'] }, problems);
    for (const child of element.children) checkShape(child, {}, problems);
    const name = readRequiredAttribute(element, 'name', problems, "<repository name='extra'>…</repository>").trim();
    refuseControls(name, element.attributes.get('name')?.at ?? element.at, 'a repository name', problems);
    repositories.set(name, {
      name,
      url: readAddress(element, problems),
      signed: readBoolean(element, 'signed', false, problems),
      persisted: readBoolean(element, 'persisted', true, problems),
      sslverify: readBoolean(element, 'sslverify', false, problems),
    });
  }
  return [...repositories.values()];
}

/**
 * Matches a URL in an APT line. The length of the scheme is limited, because otherwise the search in a long word
 * without a scheme would take a time that grows with the square of its length.
 */
const ADDRESS = /[a-z][a-z0-9+.-]{0,20}:\/\/\S+/gi;

function readAddress(repository: XmlElement, problems: Problems): string {
  const example = '<url>http://…</url>';
  const element = readRequiredChild(repository, 'url', problems, example);
  if (element === undefined) return '';
  const text = readRequiredText(element, problems, example);
  refuseControls(text, element.at, "a repository's address", problems);
  for (const [address] of text.matchAll(ADDRESS)) {
    const host = URL.canParse(address) ? new URL(address).hostname : '';
    if (isThisMachine(host)) {
      problems.add(
        element.at,
        `the guest cannot reach this repository, because in the guest ${host} means the guest itself: write another address`,
      );
    }
  }
  return text;
}

/**
 * Checks whether a host name means the local machine. The host name must be in the form that the URL standard gives it.
 */
export function isThisMachine(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    name === 'localhost' ||
    name === 'localhost.localdomain' ||
    name.endsWith('.localhost') ||
    /^127(\.\d+){3}$/.test(name) ||
    ['[::1]', '[::]', '0.0.0.0'].includes(name)
  );
}

function readBoolean(repository: XmlElement, name: string, absent: boolean, problems: Problems): boolean {
  const element = findChild(repository, name);
  if (element === undefined) return absent;
  const word = element.text.trim().toLowerCase();
  if (['true', 'yes'].includes(word)) return true;
  if (['false', 'no'].includes(word)) return false;
  problems.add(
    element.at,
    `${JSON.stringify(element.text.trim())} in <${name}> is neither yes nor no: write yes, no, true or false`,
  );
  return absent;
}
