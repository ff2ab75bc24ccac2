import {
  checkShape,
  findChild,
  findChildren,
  readOptionalText,
  refuseControls,
  readRequiredAttribute,
  readRequiredChild,
  readRequiredText,
} from './elements.js';
import { LIMITS } from './limits.js';
import type { Problems } from './place.js';
import { readCommands } from './read-commands.js';
import { readContent } from './content.js';
import { readOs } from './read-os.js';
import { readRepositories } from './read-repositories.js';
import { parseSize } from './size.js';
import type { Fragment, Package, Template, TemplateFile } from './types.js';
import type { XmlElement } from './xml.js';

/** The sections of a template that say what is done in a guest. */
const GUEST_SECTIONS = ['packages', 'repositories', 'files', 'precommands', 'commands'];

const SECTIONS = ['name', 'description', 'os', 'disk', ...GUEST_SECTIONS];

/** Reads a whole template and collects all mistakes; the result is valid only if there are none. */
export function readTemplate(root: XmlElement, problems: Problems): Template | undefined {
  if (root.name !== 'template') {
    problems.add(root.at, `this is not a template: the outermost element is <${root.name}>, write <template>`);
    return undefined;
  }
  checkShape(root, { attributes: ['version'], children: SECTIONS }, problems);
  const version = root.attributes.get('version');
  if (version !== undefined && version.value.trim() !== '1.0') {
    problems.add(
      version.at,
      `TDL version ${JSON.stringify(version.value)} is not supported: write version='1.0', or remove the attribute`,
    );
  }
  const example = "<os><name>Debian</name><version>12</version><arch>x86_64</arch><install type='url'>…</install></os>";
  const os = readRequiredChild(root, 'os', problems, example);
  const name = readName(root, problems);
  const description = readDescription(root, problems);
  const system = os === undefined ? undefined : readOs(os, problems);
  const diskSize = readDiskSize(findChild(root, 'disk'), problems);
  const parts = readGuestSections(root, problems);
  const steps = countSteps(parts);
  if (steps > LIMITS.steps) {
    problems.add(
      root.at,
      `the template has ${steps} steps (repositories, packages, files, commands), but at most ${LIMITS.steps} are ` +
        'allowed, because Temporal ends a workflow whose history is too long: do several steps in one command, ' +
        'or put several files into one archive',
    );
  }
  if (system === undefined) return undefined;
  return {
    name,
    ...(version === undefined ? {} : { version: '1.0' }),
    ...(description === undefined ? {} : { description }),
    os: system,
    ...(diskSize === undefined ? {} : { diskSize }),
    ...parts,
  };
}

/** Reads a part of a template that says only what is done in a guest: the sections from packages to commands. */
export function readFragment(element: XmlElement, attributes: readonly string[], problems: Problems): Fragment {
  checkShape(element, { attributes, children: GUEST_SECTIONS }, problems);
  return readGuestSections(element, problems);
}

function readGuestSections(element: XmlElement, problems: Problems): Fragment {
  return {
    packages: readPackages(findChild(element, 'packages'), problems),
    repositories: readRepositories(findChild(element, 'repositories'), problems),
    files: readFiles(findChild(element, 'files'), problems),
    precommands: readCommands(findChild(element, 'precommands'), problems),
    commands: readCommands(findChild(element, 'commands'), problems),
  };
}

/** Counts the steps of the customisation, which `planGuestSteps` in src/planning/plan.ts plans. */
function countSteps(parts: Fragment): number {
  const { packages, repositories, files, precommands, commands } = parts;
  const removals = repositories.filter(({ persisted }) => !persisted);
  const lists = [repositories, removals, precommands, files, commands];
  return Math.min(1, packages.length) + lists.reduce((sum, list) => sum + list.length, 0);
}

function readName(root: XmlElement, problems: Problems): string {
  const example = '<name>debian-12</name>';
  const element = readRequiredChild(root, 'name', problems, example);
  if (element === undefined) return '';
  checkShape(element, {}, problems);
  const name = readRequiredText(element, problems, example);
  refuseControls(name, element.at, '<name>', problems);
  if (name.length > LIMITS.nameLength) {
    problems.add(
      element.at,
      `<name> has ${name.length} characters, but at most ${LIMITS.nameLength} are allowed, because it is a part of image names`,
    );
  }
  return name;
}

function readDescription(root: XmlElement, problems: Problems): string | undefined {
  const element = findChild(root, 'description');
  if (element === undefined) return undefined;
  checkShape(element, {}, problems);
  return element.text === '' ? undefined : element.text;
}

function readDiskSize(disk: XmlElement | undefined, problems: Problems): string | undefined {
  if (disk === undefined) return undefined;
  checkShape(disk, { children: ['size'] }, problems);
  const element = readRequiredChild(disk, 'size', problems, '<size>20</size> (GiB)');
  if (element === undefined) return undefined;
  checkShape(element, {}, problems);
  if (element.text.trim() === '') return undefined;
  const size = parseSize(element.text);
  if ('bytes' in size) return size.bytes.toString();
  problems.add(element.at, size.wrong);
  return undefined;
}

function readPackages(section: XmlElement | undefined, problems: Problems): Package[] {
  if (section === undefined) return [];
  checkShape(section, { repeated: ['package'] }, problems);
  return findChildren(section, 'package').map((element) => {
    checkShape(element, { attributes: ['name'], children: ['repository', 'file', 'arguments'] }, problems);
    for (const child of element.children) checkShape(child, {}, problems);
    const name = readRequiredAttribute(element, 'name', problems, "<package name='openssh-server'/>").trim();
    const at = element.attributes.get('name')?.at ?? element.at;
    refuseControls(name, at, 'a package name', problems);
    if (name.startsWith('-')) {
      problems.add(
        at,
        `${JSON.stringify(name)} is not a package name: options for the package manager are not allowed`,
      );
    }
    const entry: Package = { name };
    for (const part of ['repository', 'file', 'arguments'] as const) {
      const text = readOptionalText(element, part);
      if (text !== undefined) entry[part] = text;
    }
    return entry;
  });
}

/**
 * Reads the files in the order of the template. If several files have the same name, the last one replaces the others.
 */
function readFiles(section: XmlElement | undefined, problems: Problems): TemplateFile[] {
  if (section === undefined) return [];
  checkShape(section, { repeated: ['file'] }, problems);
  const files = new Map<string, TemplateFile>();
  for (const element of findChildren(section, 'file')) {
    checkShape(element, { attributes: ['name', 'type'] }, problems);
    const name = readRequiredAttribute(element, 'name', problems, "<file name='/etc/motd'>…</file>").trim();
    const at = element.attributes.get('name')?.at ?? element.at;
    refuseControls(name, at, 'a file name', problems);
    if (name.endsWith('/')) problems.add(at, `${JSON.stringify(name)} is a directory: write the path of the file`);
    files.set(name, { name, content: readContent(element, problems) });
  }
  return [...files.values()];
}
