import { throwIfInvalid } from '../../../src/tdl/parse.js';
import type { Template } from '../../../src/tdl/types.js';

const TREES: Record<string, string> = {
  Debian: 'http://deb.example.org/debian/dists/stable/main/installer-amd64/current/images/netboot',
  Fedora: 'http://dl.example.org/fedora/os',
};

/** Creates a template for tests that need only its operating system. Its install type is `url`. */
export function templateOf(name: string, version: string, os: Partial<Template['os']> = {}): Template {
  const url = TREES[name] ?? 'http://example.org/';
  return {
    name: 'test',
    os: { name, version, arch: 'x86_64', install: { type: 'url', url, extras: [] }, ...os },
    packages: [],
    repositories: [],
    files: [],
    precommands: [],
    commands: [],
  };
}

/** Creates a template of a system that is installed from its medium (install type `iso`). */
export function mediumTemplateOf(name: string, version: string, os: Partial<Template['os']> = {}): Template {
  const install = { type: 'iso' as const, iso: 'http://m.example.org/a.iso', extras: [] };
  return templateOf(name, version, { install, ...os });
}

/** Parses a template of Debian 12 with other elements in `rest`, such as packages. */
export function parsedTemplate(rest: string, name = 'test'): Template {
  return throwIfInvalid(
    `<template><name>${name}</name><os><name>Debian</name><version>12</version><arch>x86_64</arch><install type='url'><url>${TREES['Debian']}</url></install></os>${rest}</template>`,
    'test.tdl',
  );
}
