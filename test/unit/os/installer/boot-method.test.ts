import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Bootable,
  selectBootMethod,
  type BootMethod,
  checkBootMethod,
} from '../../../../src/os/installer/boot-method.js';
import { findProfile } from '../../../../src/os/registry.js';
import type { InstallerPlan } from '../../../../src/os/installer/types.js';
import { mediumTemplateOf, templateOf } from '../templates.js';
import { catchFactoryError } from '../../../support/factory-errors.js';

function planOf(template: ReturnType<typeof templateOf>): InstallerPlan {
  return findProfile(template).profile.planInstaller(template);
}
const TREE = planOf(templateOf('Debian', '12'));
const MEDIUM = planOf(mediumTemplateOf('Debian', '12'));
const OWN_LOADER = planOf(mediumTemplateOf('FreeBSD', '14.1'));

describe('the boot method of an installer', () => {
  it('is direct (kernel and ramdisk) when the cloud supports kernel images or lists no formats', () => {
    assert.equal(selectBootMethod(['raw', 'qcow2', 'aki', 'ari'], TREE), 'direct');
    assert.equal(selectBootMethod([], MEDIUM), 'direct');
  });

  it('is stub (a disk that we make) when the cloud does not support kernel images', () => {
    assert.equal(selectBootMethod(['raw', 'qcow2'], MEDIUM), 'stub');
    assert.equal(selectBootMethod(['raw', 'aki'], TREE), 'stub');
  });

  it('is iso when only the boot loader of the medium can start the installer', () => {
    assert.equal(selectBootMethod([], OWN_LOADER), 'iso');
    check('iso', { plan: OWN_LOADER, arch: 'aarch64', firmware: 'secure_boot' });
    assertRefused(/only the boot loader of its own medium/, 'direct', { plan: OWN_LOADER });
    assertRefused(/only the boot loader of its own medium/, 'stub', { plan: OWN_LOADER });
  });

  it('is not stub, and not iso with our boot loader, on aarch64 or with secure boot', () => {
    assertRefused(/our boot loader does not support aarch64 machines/, 'stub', { arch: 'aarch64' });
    assertRefused(/not signed/, 'stub', { firmware: 'secure_boot' });
    assertRefused(/our boot loader does not support aarch64 machines/, 'iso', { plan: MEDIUM, arch: 'aarch64' });
    assertRefused(/not signed/, 'iso', { plan: MEDIUM, firmware: 'secure_boot' });
    check('stub', { firmware: 'uefi' });
    check('iso', { plan: MEDIUM, firmware: 'uefi' });
    check('stub', { arch: 'i386' });
    check('direct', { arch: 's390x' });
    check('direct', { plan: MEDIUM, arch: 'aarch64', firmware: 'secure_boot' });
  });

  it('is not iso without a medium, or when the script must be in the ramdisk', () => {
    assertRefused(/installed from their medium/, 'iso', {});
    assertRefused(/ramdisk is on the medium/, 'iso', { plan: { ...MEDIUM, scriptTransport: 'initrd' } });
  });
});

function check(method: BootMethod, machine: Partial<Bootable>): void {
  checkBootMethod(method, { plan: TREE, arch: 'x86_64', firmware: undefined, ...machine });
}

function assertRefused(message: RegExp, method: BootMethod, machine: Partial<Bootable>): void {
  const error = catchFactoryError(() => check(method, machine));
  assert.equal(error.type, 'InvalidParameter');
  assert.match(error.message, message);
}
