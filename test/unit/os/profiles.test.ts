import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findProfile } from '../../../src/os/registry.js';
import type { InstallerPlan } from '../../../src/os/installer/types.js';
import type { Template } from '../../../src/tdl/types.js';
import { templateOf } from './templates.js';
import { catchFactoryError } from '../../support/factory-errors.js';

const NETBOOT = 'http://deb.example.org/debian/dists/stable/main/installer-amd64/current/images/netboot';

function installerOf(template: Template): InstallerPlan {
  return findProfile(template).profile.planInstaller(template);
}

function assertRefused(template: Template, message: RegExp): void {
  const error = catchFactoryError(() => installerOf(template));
  assert.equal(error.type, 'UnsupportedOs');
  assert.match(`${error.message}; ${error.hint}`, message);
}

describe('choosing a profile', () => {
  it('accepts names in upper and lower case', () => {
    assert.equal(findProfile(templateOf('DEBIAN', '12')).profile.family, 'debian');
    assert.equal(findProfile(templateOf('fedora', '19')).profile.family, 'fedora');
  });

  for (const [name, version] of [
    ['Debian', '14'],
    ['Fedora', '99'],
    ['Fedora', 'rawhide'],
  ] as const) {
    it(`accepts ${name} ${version}, which is newer than the known versions or changes daily, with a warning`, () => {
      const { warnings } = findProfile(templateOf(name, version));
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', new RegExp(`${name} ${version} (is newer|changes from day to day)`));
    });
  }

  for (const [name, version] of [
    ['Debian', '5'],
    ['Debian', '13'],
    ['Debian', '12.5'],
    ['Fedora', '7'],
  ] as const) {
    it(`accepts ${name} ${version} without a warning`, () => {
      assert.deepEqual(findProfile(templateOf(name, version)).warnings, []);
    });
  }

  it('refuses an unknown system, and the error lists the known systems', () => {
    assertRefused(templateOf('Plan9', '4'), /"Plan9".*Debian, Ubuntu, Fedora/);
  });

  it('refuses an unsupported version, and the error lists the known versions', () => {
    assertRefused(templateOf('Debian', 'seven'), /Debian "seven".*5 to 13/);
    assertRefused(templateOf('Debian', '4'), /Debian "4".*5 to 13/);
    assertRefused(templateOf('Fedora', '6'), /Fedora "6".*7 to/);
    assertRefused(templateOf('Fedora', '19.5'), /Fedora "19\.5"/);
  });

  it('refuses a code name, and the hint has the version number', () => {
    assertRefused(templateOf('Debian', 'bookworm'), /<version>12<\/version>/);
  });

  it('refuses an architecture that the system does not have, and a tree for a system that needs its medium', () => {
    assertRefused(templateOf('Debian', '12', { arch: 'ppc64' }), /ppc64.*x86_64/);
    assertRefused(templateOf('Mageia', '9'), /install tree.*install type='iso'/);
  });
});

describe('the installer of Debian', () => {
  for (const [arch, port, console] of [
    ['x86_64', 'amd64', 'ttyS0,115200n8'],
    ['i386', 'i386', 'ttyS0,115200n8'],
    ['aarch64', 'arm64', 'ttyAMA0'],
  ] as const) {
    it(`is in the folder ${port} of the tree for ${arch}`, () => {
      const plan = installerOf(templateOf('Debian', '12', { arch }));
      assert.deepEqual(plan.kernel.urls, [`${NETBOOT}/debian-installer/${port}/linux`]);
      assert.deepEqual(plan.ramdisk.urls, [`${NETBOOT}/debian-installer/${port}/initrd.gz`]);
      assert.equal(
        plan.commandLine,
        `auto=true priority=critical url=http://169.254.169.254/latest/user-data hostname=jeos domain=local DEBIAN_FRONTEND=text netcfg/dhcp_timeout=60 console=${console} --- console=${console}`,
      );
    });
  }

  for (const [arch, file] of [
    ['armv7l', 'debian-installer/armhf/vmlinuz'],
    ['ppc64le', 'debian-installer/ppc64el/linux'],
    ['s390x', 'kernel.debian'],
  ] as const) {
    it(`has ${file} among the kernels for ${arch}`, () => {
      assert(installerOf(templateOf('Debian', '12', { arch })).kernel.urls.includes(`${NETBOOT}/${file}`));
    });
  }

  it('has its digests in the parent folder, also when the address ends in several slashes', () => {
    const install = { type: 'url', url: `${NETBOOT}//`, extras: [] } as const;
    const plan = installerOf(templateOf('Debian', '12', { install: { ...install, extras: [] } }));
    const images = NETBOOT.replace(/\/netboot$/, '');
    assert.deepEqual(plan.indexes, [{ format: 'sha256sums', url: `${images}/SHA256SUMS`, prefix: './netboot/' }]);
    assert.deepEqual(plan.kernel.urls, [`${NETBOOT}/debian-installer/amd64/linux`]);
  });

  it('gets the template’s kernel parameters before the separator', () => {
    const { commandLine } = installerOf(templateOf('Debian', '12', { kernelparam: 'nomodeset quiet' }));
    assert.match(commandLine, / console=ttyS0,115200n8 nomodeset quiet --- console=ttyS0,115200n8$/);
  });

  it('sets image properties that describe the system, and removes those of the installer', () => {
    const plan = installerOf(templateOf('Debian', '12'));
    const expected = { os_type: 'linux', os_distro: 'debian', os_version: '12', architecture: 'x86_64' };
    assert.deepEqual(plan.imageProperties, expected);
    assert.deepEqual(plan.strippedProperties, ['kernel_id', 'ramdisk_id', 'os_command_line']);
  });
});

describe('the installer of Fedora', () => {
  it('has options with the prefix inst. from release 17 on', () => {
    assert.equal(
      installerOf(templateOf('Fedora', '17', { kernelparam: 'quiet' })).commandLine,
      'inst.ks=http://169.254.169.254/latest/user-data inst.repo=http://dl.example.org/fedora/os inst.text console=tty0 console=ttyS0,115200n8 quiet',
    );
    assert.match(installerOf(templateOf('Fedora', 'rawhide')).commandLine, /^inst\.ks=/);
  });

  it('has options without the prefix inst. up to release 16', () => {
    assert.match(
      installerOf(templateOf('Fedora', '16')).commandLine,
      /^ks=http:\/\/169\.254\.169\.254\/latest\/user-data method=http:\/\/dl\.example\.org\/fedora\/os text .*console=ttyS0,115200n8$/,
    );
  });

  it('is found through .treeinfo', () => {
    const { indexes } = installerOf(templateOf('Fedora', '40', { arch: 'aarch64' }));
    const url = 'http://dl.example.org/fedora/os/.treeinfo';
    assert.deepEqual(indexes, [{ format: 'treeinfo', url, section: 'images-aarch64' }]);
  });
});

describe('the failure patterns for console lines', () => {
  const matches = (name: string, line: string): boolean =>
    installerOf(templateOf(name, '12')).failurePatterns.some((source) => new RegExp(source).test(line));

  for (const [name, line] of [
    ['Debian', 'IMAGEFACTORY-ERROR: no disk'],
    ['Debian', '  !! ERROR: Installation step failed'],
    ['Debian', 'An installation step failed. You can try to run the failing item again'],
    ['Debian', 'The failing step is: Partition disks'],
    ['Debian', 'No kernel modules were found. This probably is due to a mismatch'],
    ['Debian', '[!!] Bad archive mirror'],
    ['Debian', 'The installer failed to download a file from the mirror. This may be a problem '],
    ['Debian', "Prompt: '?' for help, default=1> "],
    ['Debian', '[Press enter to continue] '],
    ['Debian', 'Root password: '],
    ['Debian', 'Re-enter password to verify: '],
    ['Debian', 'Choose a password for the new user: '],
    ['Debian', 'Encryption passphrase: '],
    ['Debian', '[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs'],
    ['Fedora', 'An unknown error has occurred'],
    ['Fedora', 'anaconda 19.30 exception report has been written to /tmp'],
    ['Fedora', 'Traceback (most recent call last):'],
    ['Fedora', 'dracut-initqueue[565]: Warning: dracut-initqueue timeout - starting timeout scripts'],
    ['Fedora', 'Entering emergency mode. Exit the shell to continue.'],
    ['Fedora', 'Pane is dead'],
    ['Fedora', 'Kernel panic - not syncing: Attempted to kill init!'],
  ] as const) {
    it(`match: ${name}: ${line}`, () => assert(matches(name, line)));
  }

  const ordinary = [
    '[    0.000000] Kernel command line: auto=true priority=critical panic=30 --- console=ttyS0,115200n8',
    "+ echo 'IMAGEFACTORY-ERROR'",
    '[    1.2] ACPI Error: No handler for Region',
    'Retrieving preconfiguration file ... 100%',
    'Loading additional components ... 40%',
    'Configuring the network with DHCP',
    'Installation complete',
    '[  OK  ] Started Emergency Shell.',
    'Reached target Emergency Mode.',
    'anaconda 19.30.13-1 for Fedora 19 started.',
    'dracut-initqueue[565]: % Total    % Received',
    'Warning: group core does not exist.',
    'EXT4-fs (vda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro',
  ];
  for (const name of ['Debian', 'Fedora']) {
    it(`do not match ordinary output of ${name}’s installer`, () => {
      assert.deepEqual(
        ordinary.filter((line) => matches(name, line)),
        [],
      );
    });
  }
});
