import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findProfile } from '../../../../src/os/registry.js';
import { getRamdiskPath, withTransport } from '../../../../src/os/installer/script-transport.js';
import type { ScriptTransport } from '../../../../src/os/common/user-data.js';
import type { InstallerPlan } from '../../../../src/os/installer/types.js';
import { mediumTemplateOf, templateOf } from '../templates.js';
import { catchFactoryError } from '../../../support/factory-errors.js';

function planOf(name: string, version: string, transport?: ScriptTransport): InstallerPlan {
  const install = { type: 'url', url: 'http://example.org/jammy/netboot', extras: [] } as const;
  const template = templateOf(name, version, name === 'Ubuntu' ? { install: { ...install, extras: [] } } : {});
  return withTransport(findProfile(template).profile.planInstaller(template), transport);
}

function assertRefused(name: string, version: string, transport: ScriptTransport): void {
  const error = catchFactoryError(() => planOf(name, version, transport));
  assert.equal(error.type, 'InvalidParameter');
  assert.ok(error.message.includes(`by ${transport}`), error.message);
  assert.match(error.hint ?? '', /is possible for/);
}

describe('an install script', () => {
  it('is sent as user data by default', () => {
    assert.deepEqual(planOf('Fedora', '40'), planOf('Fedora', '40', 'user_data'));
    assert.match(planOf('Fedora', '40').commandLine, /^inst\.ks=http:\/\/169\.254\.169\.254\//);
  });

  it('is read from the ramdisk by anaconda, old and new', () => {
    for (const [version, word] of [
      ['40', 'inst.ks'],
      ['16', 'ks'],
    ] as const) {
      const plan = planOf('Fedora', version, 'initrd');
      assert.equal(plan.scriptTransport, 'initrd');
      assert.equal(plan.commandLine.split(' ')[0], `${word}=file:/${getRamdiskPath(plan)}`);
    }
  });

  it('is found in the ramdisk by Debian’s installer without a word on the command line', () => {
    const plan = planOf('Debian', '12', 'initrd');
    assert.equal(getRamdiskPath(plan), 'preseed.cfg');
    assert.doesNotMatch(plan.commandLine, /url=|169\.254/);
    assert.equal(
      plan.commandLine.split(' ').length,
      planOf('Debian', '12').commandLine.split(' ').length - 1,
      'the command line has all other words',
    );
  });

  it('is read from the configuration drive when the installer supports disk labels, or always looks there', () => {
    assert.match(
      planOf('Fedora', '40', 'config_drive').commandLine,
      /^inst\.ks=hd:LABEL=config-2:\/openstack\/latest\/user_data /,
    );
    assert.match(
      planOf('SLES', '15', 'config_drive').commandLine,
      / autoyast=label:\/\/config-2\/openstack\/latest\/user_data /,
    );
    assert.equal(planOf('Ubuntu', '22.04', 'config_drive').commandLine, planOf('Ubuntu', '22.04').commandLine);
  });

  it('is put on the medium, and the command line names its path there', () => {
    const onMedium = (name: string, version: string): string => {
      const template = mediumTemplateOf(name, version);
      const plan = withTransport(findProfile(template).profile.planInstaller(template), 'medium');
      assert.equal(plan.scriptTransport, 'medium');
      assert.doesNotMatch(plan.commandLine, /169\.254/);
      return plan.commandLine;
    };
    assert.match(onMedium('Debian', '12'), / file=\/cdrom\/preseed\.cfg /);
    assert.match(onMedium('Fedora', '40'), /^inst\.ks=cdrom:\/ks\.cfg inst\.repo=cdrom /);
    assert.match(onMedium('RHEL-5', 'U4'), /^ks=cdrom:\/ks\.cfg method=cdrom /);
    assert.match(onMedium('Leap', '15.6'), /^install=cd:\/ autoyast=cd:\/autoinst\.xml /);
    assert.match(onMedium('Leap', '16.0'), / inst\.auto=label:\/\/\{volume-id\}\/autoinst\.json /);
    assert.equal(onMedium('Mageia', '9').split(' ')[1], 'kickstart=install/auto_inst.cfg.pl');
  });

  it('of Mandriva is in the folder of its architecture on media that have such a folder', () => {
    const scriptOf = (name: string, version: string, arch: 'i386' | 'x86_64'): [string?, string?] => {
      const template = mediumTemplateOf(name, version, { arch });
      const { medium, commandLine } = findProfile(template).profile.planInstaller(template);
      return [medium?.script?.path, commandLine.split(' ')[1]];
    };
    const named = 'kickstart=auto_inst.cfg';
    assert.deepEqual(scriptOf('Mandrake', '10.1', 'i386'), ['auto_inst.cfg', named]);
    assert.deepEqual(scriptOf('Mandriva', '2006.0', 'x86_64'), ['auto_inst.cfg', named]);
    assert.deepEqual(scriptOf('Mandriva', '2007.0', 'i386'), ['i586/auto_inst.cfg', named]);
    assert.deepEqual(scriptOf('Mandriva', '2010.2', 'x86_64'), ['x86_64/auto_inst.cfg', named]);
  });

  it('is refused with a transport that does not match where the installer can look', () => {
    const of = (name: string, version: string, transport: ScriptTransport): void => {
      const template = mediumTemplateOf(name, version);
      withTransport(findProfile(template).profile.planInstaller(template), transport);
    };
    assert.throws(() => of('FreeBSD', '14.1', 'user_data'), /cannot read its script/);
    assert.throws(() => of('Ubuntu', '24.04', 'medium'), /cannot read its script/);
    assert.throws(() => planOf('Debian', '12', 'medium'), /there is no medium/);
  });

  it('is refused with a transport that the installer does not support, with a hint', () => {
    assertRefused('Debian', '12', 'config_drive');
    assertRefused('Fedora', '16', 'config_drive');
    assertRefused('SLES', '15', 'initrd');
    assertRefused('Ubuntu', '22.04', 'initrd');
    assertRefused('Leap', '16.0', 'config_drive');
  });
});
