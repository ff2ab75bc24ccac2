import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adviseOnBoot, explainBoot } from '../../../../src/activities/convert/boot-advice.js';
import type { PlannedTarget } from '../../../../src/activities/convert/plan-target-image.js';
import { VIRTUALBOX_MACHINE, VMWARE_MACHINE } from '../../../../src/domain/boot-machines.js';
import { throwIfInvalid } from '../../../../src/tdl/parse.js';

const PLANNED: PlannedTarget = {
  name: 'tiny',
  imageName: 'tiny-vsphere',
  os: { name: 'Debian', version: '12', arch: 'x86_64' },
  firmware: 'bios',
  secureBoot: false,
  target: 'vsphere',
  format: 'vmdk',
  machine: VMWARE_MACHINE,
  source: { imageId: 'i', diskFormat: 'qcow2', size: 7 },
  bodyPath: '/s/body',
  isConverted: false,
};

describe('the advice on an image that does not boot', () => {
  it('names the driver of the target’s controller, and the command for the family', () => {
    const advise = (name: string): string =>
      adviseOnBoot('no-root', { ...PLANNED, os: { ...PLANNED.os, name }, machine: VIRTUALBOX_MACHINE });
    assert.match(advise('Debian'), /lacks the driver ahci for ahci: .*update-initramfs.*linux-image-amd64/);
    assert.match(advise('Rocky'), /add_drivers\+=" ahci ".*dracut -f --regenerate-all/);
    assert.match(advise('openSUSE'), /dracut -f/);
    assert.match(advise('Mageia'), /lacks the driver ahci for ahci: add it in the template/);
  });

  it('is a command that a template takes as it stands', () => {
    for (const failure of ['no-root', 'no-console'] as const) {
      const command = /<command .*<\/command>/.exec(adviseOnBoot(failure, PLANNED))?.[0] ?? '';
      const template = throwIfInvalid(
        `<template><name>t</name><os><name>Debian</name><version>12</version><arch>x86_64</arch>
          <install type='url'><url>http://mirror.test/d</url></install></os><commands>${command}</commands></template>`,
        'tiny.tdl',
      );
      assert.equal(template.commands.length, 1, command);
    }
  });

  it('says what to add when the console says nothing, and what is wrong with the firmware', () => {
    assert.match(adviseOnBoot('no-console', PLANNED), /console=ttyS0,115200 .*update-grub/);
    assert.match(adviseOnBoot('firmware', PLANNED), /a boot loader for BIOS/);
    assert.match(adviseOnBoot('firmware', { ...PLANNED, firmware: 'uefi' }), /EFI\/BOOT\/BOOTX64\.EFI/);
  });

  it('comes with the line of the console that says why', () => {
    const line = 'ALERT!  UUID=1 does not exist.';
    assert.equal(
      explainBoot({ booted: false, failure: 'no-root', line }, PLANNED),
      `the image does not boot with pvscsi: it does not find its root file system; its console says: ${line}`,
    );
    assert.match(explainBoot({ booted: false, failure: 'no-console' }, PLANNED), /^nobody can tell whether/);
  });
});
