import assert from 'node:assert/strict';
import { parseTemplate } from '../../../src/tdl/parse.js';
import type { Problem, Template } from '../../../src/tdl/types.js';

const NAME = '<name>t</name>';
export const INSTALL = "<install type='url'><url>http://mirror.example/os</url></install>";

/** Returns a template in one line, with `parts` in place of the default parts. */
export function templateText(
  parts: {
    name?: string;
    os?: string;
    version?: string;
    arch?: string;
    install?: string;
    inOs?: string;
    rest?: string;
  } = {},
): string {
  const {
    name = NAME,
    os = '<name>Debian</name>',
    version = '<version>12</version>',
    arch = '<arch>x86_64</arch>',
  } = parts;
  const { install = INSTALL, inOs = '', rest = '' } = parts;
  return `<template>${name}<os>${os}${version}${arch}${install}${inOs}</os>${rest}</template>`;
}

/** Parses a document that must be valid, and returns its template. */
export function valid(source: string | Uint8Array): Template {
  const { template, problems } = parseTemplate(source);
  assert.deepEqual(problems, []);
  assert.ok(template);
  return template;
}

/** Parses a document that must be invalid, and returns its problems. */
export function problemsOf(source: string | Uint8Array): Problem[] {
  const { template, problems } = parseTemplate(source);
  assert.equal(template, undefined);
  assert.notEqual(problems.length, 0);
  return problems;
}

/** Returns line, column and message of each problem, as `validate` prints them. */
export function shown(source: string | Uint8Array): string[] {
  return problemsOf(source).map(({ line, column, message }) => `${line}:${column}: ${message}`);
}
