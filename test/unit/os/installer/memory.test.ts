import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findProfile } from '../../../../src/os/registry.js';
import { findMemory, checkMemory } from '../../../../src/os/installer/memory.js';
import { mediumTemplateOf, templateOf } from '../templates.js';

function memory(
  name: string,
  version: string,
  template = templateOf(name, version),
): { installer: number; system: number } {
  return findMemory(template, findProfile(template).profile);
}

describe('the memory that a system needs', () => {
  it('is more for an installer than for the installed system', () => {
    assert.deepEqual(memory('Debian', '12'), { installer: 1024, system: 256 });
    assert.deepEqual(memory('Rocky', '9'), { installer: 2048, system: 512 });
  });

  it('is less for old releases', () => {
    for (const [name, version] of [
      ['Debian', '6'],
      ['Fedora', '12'],
      ['CentOS', '5'],
      ['Ubuntu', '10.04'],
    ] as const)
      // prettier-ignore
      assert.deepEqual(memory(name, version), { installer: 512, system: 128 }, `${name} ${version}`);
  });

  it('includes room for the medium when the installer downloads it into memory', () => {
    assert.equal(memory('Ubuntu', '24.04').installer, 5120);
    assert.equal(memory('Ubuntu', '24.04', mediumTemplateOf('Ubuntu', '24.04')).installer, 2048);
  });

  it('is named in a warning when the flavor has less', () => {
    const template = templateOf('Fedora', '43');
    const { profile } = findProfile(template);
    assert.equal(
      checkMemory(template, profile, { name: 'm1.tiny', ram: 512 }),
      'flavor m1.tiny has 512 MiB of memory, but the installer of Fedora 43 needs about 2048 MiB',
    );
    assert.equal(checkMemory(template, profile, { name: 'm1.small', ram: 2048 }), undefined);
  });
});
