import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseContent, parseTargetContent } from '../../../src/profiles/target-content.js';

const include = (attributes: string, name: string): string =>
  `<include ${attributes}><packages><package name="${name}"/></packages></include>`;

const ALL = [
  include('', 'all'),
  include('target="vsphere"', 'target'),
  include('target="vsphere" os="Debian"', 'system'),
  include('target="vsphere" os="Debian" version="12"', 'version'),
  include('target="vsphere" os="Debian" version="12" arch="x86_64"', 'arch'),
];

const DEBIAN = { targets: ['vsphere', 'vmware'], os: 'Debian', version: '12', arch: 'x86_64' };

function choose(includes: readonly string[], image = DEBIAN): string[] | undefined {
  const parsed = parseTargetContent(`<template_includes>${includes.join('')}</template_includes>`);
  return chooseContent(parsed, image)?.packages.map(({ name }) => name);
}

describe('target_content', () => {
  const levels: [what: string, image: typeof DEBIAN, name: string][] = [
    ['an image of the same architecture', DEBIAN, 'arch'],
    ['another architecture', { ...DEBIAN, arch: 'i386' }, 'version'],
    ['another version', { ...DEBIAN, version: '11' }, 'system'],
    ['another system', { ...DEBIAN, os: 'Fedora' }, 'target'],
    ['another target', { ...DEBIAN, targets: ['ec2'] }, 'all'],
  ];
  for (const [what, image, name] of levels) {
    it(`uses the include of the most particular level that fits: ${what}`, () => {
      assert.deepEqual(choose(ALL, image), [name]);
    });
  }

  it('merges all includes of that level, and no others', () => {
    const two = [include('target="vsphere"', 'one'), include('', 'all'), include('target="VMware"', 'two')];
    assert.deepEqual(choose(two), ['one', 'two']);
  });

  it('adds nothing when no include fits', () => {
    assert.equal(choose([include('target="ec2"', 'x')]), undefined);
  });

  it('may contain every section of a template from packages to commands', () => {
    const [read] = parseTargetContent(
      `<template_includes><include target="ec2"><repositories><repository name="r"><url>http://r.example.org</url></repository></repositories><files><file name="/etc/motd">hi</file></files><commands><command name="c">true</command></commands></include></template_includes>`,
    );
    assert.deepEqual(read?.fragment.files.map(({ name }) => name), ['/etc/motd']); // prettier-ignore
    assert.equal(read?.fragment.repositories.length, 1);
    assert.equal(read?.fragment.commands.length, 1);
  });

  const mistakes: [text: string, message: RegExp][] = [
    ['<template/>', /target_content:1:1: the outermost element is <template>, write <template_includes>/],
    ['<template_includes><include os="Debian"/></template_includes>', /has os, but not target: it would fit no image/],
    ['<template_includes><include><pakages/></include></template_includes>', /did you mean <packages>/],
    ['<template_includes>', /not well-formed/],
    [`<template_includes>${' '.repeat(300_000)}</template_includes>`, /more than 262144 bytes/],
  ];
  for (const [text, message] of mistakes) {
    it(`is refused with one clear sentence: ${String(message)}`, () => {
      assert.throws(() => parseTargetContent(text), { type: 'InvalidParameter', message });
    });
  }
});
