import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseParameters } from '../../../src/domain/parameters.js';
import { planBuild } from '../../../src/planning/plan.js';
import { templateOf } from '../os/templates.js';

const template = templateOf('Debian', '12');

function plan(parameters: Record<string, unknown>, installScript?: string): ReturnType<typeof planBuild> {
  return planBuild({ template, installScript, parameters: parseParameters(parameters) });
}

describe('the plan of a build of an image that exists', () => {
  it('has no install script, no medium, and keeps the properties with which the image boots', () => {
    const { script, installer, warnings, steps } = plan({ jeos: 'glance:debian' });
    assert.equal(script, '');
    assert.equal(installer.medium, undefined);
    assert.deepEqual(installer.strippedProperties, []);
    assert.deepEqual(installer.imageProperties, {
      os_type: 'linux',
      os_distro: 'debian',
      os_version: '12',
      architecture: 'x86_64',
    });
    assert.deepEqual(warnings, []);
    assert.deepEqual(steps, plan({}).steps);
  });

  it('is refused with an install script, with firmware, without a digest, and a digest without an image', () => {
    assert.throws(() => plan({ jeos: 'glance:x' }, 'd-i x\n'), { type: 'InvalidInstallScript' });
    for (const [parameters, message] of [
      [{ jeos: 'glance:x', firmware: 'uefi' }, /has its own firmware/],
      [{ jeos: 'http://example.org/x' }, /needs its digest/],
      [{ jeos: 'x.qcow2' }, /does not say where an image is/],
      [{ jeos_checksum: `sha256:${'a'.repeat(64)}` }, /parameter jeos names no image/],
    ] as const) {
      assert.throws(() => plan(parameters), { type: 'InvalidParameter', message });
    }
  });
});
