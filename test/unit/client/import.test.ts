import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkImport, type ImportRequest } from '../../../src/client/index.js';
import { throwIfInvalid } from '../../../src/tdl/parse.js';

describe('the request of an import', () => {
  it('names the image by its file, and leaves its system open', () => {
    const { template, parameters, boots } = checkImport({ source: '/srv/a & b.qcow2' });
    const { name, os } = throwIfInvalid(template, 'template.tdl');
    assert.equal(name, 'a & b');
    assert.equal(os.name, 'unknown');
    assert.equal(parameters.jeos, '/srv/a & b.qcow2');
    assert.equal(boots, true);
  });

  it('takes the system of a disk that is not booted in the spelling of templates', () => {
    const { template, boots } = checkImport({ source: 'glance:x', boots: false, os: 'opensuse-leap-15.6/x86_64' });
    const { name, version, arch } = throwIfInvalid(template, 'template.tdl').os;
    assert.deepEqual([name, version, arch, boots], ['OpenSUSE', '15.6', 'x86_64', false]);
  });

  const SHA = `sha256:${'a'.repeat(64)}`;
  const refusals: [string, ImportRequest, RegExp][] = [
    ['no place', { source: 'disk.qcow2' }, /does not say where an image is/],
    ['an address without a digest', { source: 'https://example.org/a.qcow2' }, /needs its digest/],
    ['a wrong digest', { source: '/a', parameters: { jeos_checksum: 'md5:1' } }, /is not a digest/],
    ['an install script', { source: '/a', parameters: { install_script: 'x' } }, /is not installed again/],
    ['firmware', { source: '/a', parameters: { firmware: 'uefi' } }, /has its own firmware/],
    ['a hold', { source: '/a', parameters: { on_error: 'hold' } }, /cannot be held/],
    ['no boot and no system', { source: '/a', boots: false }, /nobody knows the system/],
    ['a boot and a system', { source: '/a', os: 'debian-12/x86_64' }, /only where no instance tells it/],
    ['a system without a machine', { source: '/a', boots: false, os: 'debian-12' }, /"debian-12" names no system/],
    ['a machine that TDL cannot name', { source: '/a', boots: false, os: 'debian-12/amd64' }, /write x86_64/],
    ['an unknown format', { source: '/a', format: 'iso' }, /"iso" is not a format of disks/],
    ['a format of an image in Glance', { source: 'glance:a', format: 'raw' }, /keeps its format/],
    ['another name of an image in Glance', { source: 'glance:a', parameters: { image_name: 'b' } }, /keeps its name/],
  ];
  for (const [what, request, why] of refusals) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => checkImport(request), { message: why });
    });
  }

  it('is accepted for an address with its digest', () => {
    const { parameters } = checkImport({ source: 'https://example.org/a.qcow2', parameters: { jeos_checksum: SHA } });
    assert.equal(parameters.jeos_checksum, SHA);
  });
});
