import { FactoryError } from '../domain/errors.js';
import { decodeDocument } from '../tdl/decode.js';
import { checkShape, findChildren } from '../tdl/elements.js';
import { mergeFragments } from '../tdl/fragments.js';
import { Problems } from '../tdl/place.js';
import { readFragment } from '../tdl/read-template.js';
import type { Fragment } from '../tdl/types.js';
import { parseXml } from '../tdl/xml.js';

/** The largest `target_content` in bytes. It is a part of the input of a workflow, as a template is. */
const LARGEST_CONTENT = 256 * 1024;

/** What one `<include>` adds to the images that its attributes name. An attribute that is unset means all. */
export interface TargetInclude {
  target?: string;
  os?: string;
  version?: string;
  arch?: string;
  fragment: Fragment;
}

/** The attributes of an `<include>`, from the most general to the most particular. */
const LEVELS = ['target', 'os', 'version', 'arch'] as const;

/** What an `<include>` may be for. `targets`: the names of the target, its own and all others. */
export interface IncludedImage {
  targets: readonly string[];
  os: string;
  version: string;
  arch: string;
}

/**
 * Reads the file `target_content.xml` of the original imagefactory: `<template_includes>` with an `<include>` for each
 * kind of image. An `<include>` may contain every section of a template from `<packages>` to `<commands>`.
 *
 * @param source text of the file. Default: a file without includes.
 * @throws FactoryError InvalidParameter, with one line for each mistake
 */
export function parseTargetContent(source = '<template_includes/>'): TargetInclude[] {
  if (Buffer.byteLength(source) > LARGEST_CONTENT) {
    throw new FactoryError('InvalidParameter', `parameter target_content: more than ${LARGEST_CONTENT} bytes`);
  }
  const { text, problem } = decodeDocument(source);
  const problems = new Problems(text ?? '');
  const root = text === undefined ? undefined : parseXml(text, problems);
  const includes = root === undefined ? [] : readIncludes(root, problems);
  const found = problem === undefined ? problems.list() : [problem];
  if (found.length === 0) return includes;
  const lines = found.map(({ line, column, message }) => `target_content:${line}:${column}: ${message}`);
  throw new FactoryError('InvalidParameter', lines.join('\n'), {
    hint: 'docs/targets.md describes the parameter target_content',
  });
}

function readIncludes(root: ReturnType<typeof parseXml> & object, problems: Problems): TargetInclude[] {
  if (root.name !== 'template_includes') {
    problems.add(root.at, `the outermost element is <${root.name}>, write <template_includes>`);
    return [];
  }
  checkShape(root, { repeated: ['include'] }, problems);
  return findChildren(root, 'include').map((element) => {
    const fragment = readFragment(element, LEVELS, problems);
    const named = LEVELS.flatMap((level) => {
      const value = element.attributes.get(level)?.value.trim();
      return value === undefined ? [] : [[level, value] as const];
    });
    const gap = LEVELS.find((level, index) => index > 0 && isSet(named, level) && !isSet(named, LEVELS[index - 1]));
    if (gap !== undefined) {
      problems.add(
        element.at,
        `<include> has ${gap}, but not ${LEVELS[LEVELS.indexOf(gap) - 1]}: it would fit no image; write both, or neither`,
      );
    }
    return { ...Object.fromEntries(named), fragment };
  });
}

function isSet(named: readonly (readonly [string, string])[], level: string | undefined): boolean {
  return named.some(([name]) => name === level);
}

/**
 * Finds what the includes add to an image: the includes of the most particular level count, and only they. The levels
 * are, in this order: target, system, version and architecture; target, system and version; target and system; target;
 * all images. Returns undefined when no include fits.
 */
export function chooseContent(includes: readonly TargetInclude[], image: IncludedImage): Fragment | undefined {
  for (let depth = LEVELS.length; depth >= 0; depth--) {
    const fitting = includes.filter((include) =>
      LEVELS.every((level, index) => {
        const wanted = include[level];
        return index < depth ? wanted !== undefined && fits(wanted, level, image) : wanted === undefined;
      }),
    );
    if (fitting.length > 0) return mergeFragments(fitting.map(({ fragment }) => fragment));
  }
  return undefined;
}

function fits(wanted: string, level: (typeof LEVELS)[number], image: IncludedImage): boolean {
  const known = level === 'target' ? image.targets : [image[level]];
  return known.some((name) => name.toLowerCase() === wanted.toLowerCase());
}
