import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAMILIES } from '../../../../src/os/registry.js';
import { listScriptKinds, SCRIPT_KINDS } from '../../../../src/os/scripts/kinds/registry.js';
import { mediumTemplateOf } from '../templates.js';

const ON_MEDIUM = FAMILIES.flatMap((family) =>
  family.releases
    .filter(({ installTypes }) => installTypes.includes('iso'))
    .map((release) => ({ family, release, version: release.to === '9999' ? 'any' : release.to })),
);

describe('a kind of install script', () => {
  it('names only registered kinds in alsoReads', () => {
    const known = listScriptKinds().map(([name]) => name as string);
    for (const [name, { alsoReads = [] }] of listScriptKinds()) {
      for (const other of alsoReads) assert(known.includes(other), `${name} reads ${other}`);
    }
  });

  for (const { family, release, version } of ON_MEDIUM) {
    it(`has a path on the medium that matches its definition: ${family.title} ${version}`, () => {
      const template = mediumTemplateOf(family.names[0] ?? '', version, { arch: release.arches[0] ?? 'x86_64' });
      const parsed = family.readVersion(template.os);
      assert(parsed);
      const { medium, commandLine } = family.planInstaller(template, parsed);
      const { word, paths } = SCRIPT_KINDS[release.scriptKind].medium;
      if (medium?.script === undefined) {
        assert.deepEqual({ word, paths }, { word: undefined, paths: undefined });
        return;
      }
      const { path, argument = commandLine } = medium.script;
      const named = word?.exec(argument)?.[1];
      assert(named === undefined ? paths?.includes(path) : path.endsWith(named), `${path} by ${argument}`);
    });
  }
});
