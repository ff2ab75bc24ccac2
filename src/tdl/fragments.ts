import { FactoryError } from '../domain/errors.js';
import { Problems } from './place.js';
import { readFragment } from './read-template.js';
import type { Fragment } from './types.js';
import { parseXml } from './xml.js';

/**
 * Parses the text of a fragment: the sections of a template from `<packages>` to `<commands>`, without an element
 * around them.
 * @throws FactoryError InvalidTemplate when the text is no fragment
 */
export function parseFragment(text: string, name: string): Fragment {
  const source = `<include>${text}</include>`;
  const problems = new Problems(source);
  const root = parseXml(source, problems);
  const fragment = root === undefined ? undefined : readFragment(root, [], problems);
  if (fragment !== undefined && !problems.any) return fragment;
  const lines = problems.list().map(({ line, column, message }) => `${name}:${line}:${column}: ${message}`);
  throw new FactoryError('InvalidTemplate', lines.join('\n'));
}

/**
 * Merges fragments in their order: each package is installed once, and the last repository or file of a name replaces
 * the others. Commands of later fragments run later.
 */
export function mergeFragments(fragments: readonly Fragment[]): Fragment {
  return {
    packages: keepFirst(fragments.flatMap(({ packages }) => packages)),
    repositories: keepLast(fragments.flatMap(({ repositories }) => repositories)),
    files: keepLast(fragments.flatMap(({ files }) => files)),
    precommands: fragments.flatMap(({ precommands }) => precommands.map(({ name, content }) => ({ name, content }))),
    commands: fragments.flatMap(({ commands }) => commands.map(({ name, content }) => ({ name, content }))),
  };
}

/** Whether a fragment changes nothing in a guest. */
export function isEmptyFragment(fragment: Fragment): boolean {
  return Object.values(fragment).every((items) => items.length === 0);
}

function keepFirst<T extends { name: string }>(items: readonly T[]): T[] {
  return items.filter(({ name }, index) => items.findIndex((other) => other.name === name) === index);
}

function keepLast<T extends { name: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.name, item])).values()];
}
