import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../src/domain/errors.js';
import { checkTemplate } from '../../../src/client/check-files.js';
import { FAMILIES, findFamily, findProfile } from '../../../src/os/registry.js';
import { checkTree } from '../../../src/os/installer/installer-plan.js';
import type { InstallerPlan } from '../../../src/os/installer/types.js';
import type { Template } from '../../../src/tdl/types.js';
import { mediumTemplateOf, templateOf } from './templates.js';

const TREE = 'http://m.example.org/tree';
const USER_DATA = 'http://169.254.169.254/latest/user-data';
const SERIAL = 'console=ttyS0,115200n8';

function template(name: string, version: string, os: Partial<Template['os']> = {}): Template {
  return templateOf(name, version, { install: { type: 'url', url: TREE, extras: [] }, ...os });
}

interface Expected {
  kernel: string;
  line: string;
  kind: string;
  manager: string;
  image: string;
  /** Path of the index file in the tree, which lists the installer's files. Unset when the test does not check it. */
  index?: string;
  buses?: string;
}

const PXE = '/images/pxeboot/vmlinuz';
const OLD_KS = `ks=${USER_DATA} method=${TREE} text`;
const NEW_KS = `inst.ks=${USER_DATA} inst.repo=${TREE} inst.text console=tty0 ${SERIAL}`;
const YAST = `install=${TREE} autoyast=${USER_DATA} netsetup=dhcp textmode=1 splash=silent ${SERIAL}`;
const AGAMA = `root=live:${TREE}/LiveOS/squashfs.img ip=dhcp rd.neednet=1 inst.auto=${USER_DATA} inst.finish=poweroff ${SERIAL}`;
const AGAMA_SLES = AGAMA.replace('poweroff', `poweroff inst.install_url=${TREE}/install`);
const EL_INDEX = '/.treeinfo';
const preseed = (separator: string, words = ''): string =>
  `auto=true priority=critical url=${USER_DATA} hostname=jeos domain=local DEBIAN_FRONTEND=text netcfg/dhcp_timeout=60 ${words}${SERIAL} ${separator} ${SERIAL}`;
const UBUNTU_WORDS = 'locale=en_US keyboard-configuration/layoutcode=us console-setup/ask_detect=false ';

/** Name and version of a system, and the expected values in its plan. */
const PLANS: [string, string, Expected][] = [
  ['Debian', '7', { kernel: '/debian-installer/amd64/linux', line: preseed('--'), kind: 'preseed', manager: 'apt', image: 'debian 7' }],
  ['Debian', '13', { kernel: '/debian-installer/amd64/linux', line: preseed('---'), kind: 'preseed', manager: 'apt', image: 'debian 13' }],
  ['Ubuntu', '5.04', { kernel: '/ubuntu-installer/amd64/linux', line: preseed('--', UBUNTU_WORDS), kind: 'preseed', manager: 'apt', image: 'ubuntu 5.04', buses: 'ide rtl8139' }],
  ['ubuntu', '18.04.6', { kernel: '/ubuntu-installer/amd64/linux', line: preseed('---', UBUNTU_WORDS), kind: 'preseed', manager: 'apt', image: 'ubuntu 18.04.6' }],
  ['FedoraCore', '4', { kernel: PXE, line: `${OLD_KS} ksdevice=eth0 console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'fedora 4', index: EL_INDEX, buses: 'ide rtl8139' }],
  ['Fedora', '8', { kernel: PXE, line: `${OLD_KS} ksdevice=link console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'fedora 8', index: EL_INDEX, buses: 'ide rtl8139' }],
  ['Fedora', '21', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'yum', image: 'fedora 21', index: EL_INDEX }],
  ['Fedora', '43', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'dnf', image: 'fedora 43', index: EL_INDEX }],
  ['RHEL-3', 'U9', { kernel: PXE, line: `${OLD_KS} ksdevice=eth0 console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'rhel 3.9', index: EL_INDEX, buses: 'ide rtl8139' }],
  ['CentOS-4', 'U7', { kernel: PXE, line: `${OLD_KS} ksdevice=eth0 console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'centos 4.7', index: EL_INDEX, buses: 'ide rtl8139' }],
  ['CentOS-4', 'U8', { kernel: PXE, line: `${OLD_KS} ksdevice=eth0 console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'centos 4.8', index: EL_INDEX }],
  ['RedHatEnterpriseLinux-5', 'GOLD', { kernel: PXE, line: `${OLD_KS} ksdevice=link console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'rhel 5.0', index: EL_INDEX, buses: 'ide rtl8139' }],
  ['SLC-5', 'U11', { kernel: PXE, line: `${OLD_KS} ksdevice=link console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'scientificlinux 5.11', index: EL_INDEX }],
  ['RHEL-6', '5', { kernel: PXE, line: `ks=${USER_DATA} repo=${TREE} text ksdevice=link console=tty0 ${SERIAL}`, kind: 'kickstart', manager: 'yum', image: 'rhel 6.5', index: EL_INDEX }],
  ['CentOS-7', '9', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'yum', image: 'centos 7.9', index: EL_INDEX }],
  ['rhel-9', '4', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'dnf', image: 'rhel 9.4', index: EL_INDEX }],
  ['CentOS-Stream-9', 'any', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'dnf', image: 'centos 9', index: EL_INDEX }],
  ['CentOSStream', '10', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'dnf', image: 'centos 10', index: EL_INDEX }],
  ['Rocky', '9.4', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'dnf', image: 'rocky 9.4', index: EL_INDEX }],
  ['AlmaLinux', '10', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'dnf', image: 'almalinux 10', index: EL_INDEX }],
  ['OracleLinux-8', '10', { kernel: PXE, line: NEW_KS, kind: 'kickstart', manager: 'dnf', image: 'ol 8.10', index: EL_INDEX }],
  ['OpenSUSE', '10.3', { kernel: '/boot/x86_64/loader/linux', line: YAST, kind: 'autoyast', manager: 'zypper', image: 'opensuse 10.3', index: '/CHECKSUMS', buses: 'ide rtl8139' }],
  ['openSUSE', '42.3', { kernel: '/boot/x86_64/loader/linux', line: YAST, kind: 'autoyast', manager: 'zypper', image: 'opensuse 42.3', index: '/CHECKSUMS' }],
  ['Leap', '15.6', { kernel: '/boot/x86_64/loader/linux', line: YAST, kind: 'autoyast', manager: 'zypper', image: 'opensuse 15.6', index: '/CHECKSUMS' }],
  ['Leap', '16.0', { kernel: '/boot/x86_64/loader/linux', line: AGAMA, kind: 'agama', manager: 'zypper', image: 'opensuse 16.0', index: '/CHECKSUMS' }],
  ['Tumbleweed', '20260101', { kernel: '/boot/x86_64/loader/linux', line: YAST, kind: 'autoyast', manager: 'zypper', image: 'opensuse 20260101', index: '/CHECKSUMS' }],
  ['SLES', '12-SP5', { kernel: '/boot/x86_64/loader/linux', line: YAST, kind: 'autoyast', manager: 'zypper', image: 'sles 12.5', index: '/CHECKSUMS' }],
  ['SLES-15', 'SP7', { kernel: '/boot/x86_64/loader/linux', line: YAST, kind: 'autoyast', manager: 'zypper', image: 'sles 15.7', index: '/CHECKSUMS' }],
  ['SLES', '16.0', { kernel: '/boot/x86_64/loader/linux', line: AGAMA_SLES, kind: 'agama', manager: 'zypper', image: 'sles 16.0', index: '/CHECKSUMS' }],
]; // prettier-ignore

describe('the plan of each system', () => {
  it('is tested here for every family that is installed from a tree on x86_64', () => {
    const planned = new Set(PLANS.map(([name]) => findFamily(name)?.family));
    const missing = FAMILIES.filter(
      ({ family, releases }) =>
        releases.some(({ installTypes, arches }) => installTypes.includes('url') && arches.includes('x86_64')) &&
        !planned.has(family),
    );
    assert.deepEqual(
      missing.map(({ family }) => family),
      [],
    );
  });

  for (const [name, version, expected] of PLANS) {
    it(`${name} ${version}`, () => {
      const of = template(name, version);
      const { profile, warnings } = findProfile(of);
      assert.deepEqual(warnings, []);
      const plan = profile.planInstaller(of);
      assert.equal(plan.kernel.urls[0], TREE + expected.kernel);
      assert.equal(plan.commandLine, expected.line);
      assert.equal(plan.scriptKind, expected.kind);
      assert.equal(profile.scriptKind, expected.kind);
      assert.equal(profile.packageManager, expected.manager);
      assert.equal(`${plan.imageProperties['os_distro']} ${plan.imageProperties['os_version']}`, expected.image);
      if (expected.index !== undefined) assert.equal(plan.indexes[0]?.url, TREE + expected.index);
      const buses = [plan.imageProperties['hw_disk_bus'], plan.imageProperties['hw_vif_model']].join(' ').trim();
      assert.equal(buses, expected.buses ?? '');
      assert.equal(plan.bootImageProperties['hw_disk_bus'], plan.imageProperties['hw_disk_bus']);
    });
  }

  it('has the console of the architecture', () => {
    const line = (name: string, version: string, arch: Template['os']['arch']): string =>
      findProfile(template(name, version, { arch })).profile.planInstaller(template(name, version, { arch }))
        .commandLine;
    assert.match(line('Rocky', '9', 'aarch64'), / console=ttyAMA0$/);
    assert.match(line('RHEL', '9', 'ppc64le'), / console=hvc0$/);
    assert.match(line('SLES', '15', 's390x'), / console=ttysclp0$/);
  });

  it('gets the template’s kernel parameters', () => {
    for (const family of FAMILIES) {
      const release = family.releases.find(({ installTypes }) => installTypes.includes('url'));
      if (release === undefined) continue;
      const [name = ''] = family.names;
      const arch = release.arches[0] ?? 'x86_64';
      const of = template(name, release.to, { kernelparam: 'spam=1', arch });
      assert.match(findProfile(of).profile.planInstaller(of).commandLine, /(^| )spam=1( |$)/, family.family);
    }
  });
});

describe('Ubuntu’s live server', () => {
  const plan = (url: string, version = '24.04.2', os: Partial<Template['os']> = {}): InstallerPlan => {
    const of = templateOf('Ubuntu', version, { install: { type: 'url', url, extras: [] }, ...os });
    return findProfile(of).profile.planInstaller(of);
  };
  const folder = 'http://releases.example.org/24.04';
  const iso = `${folder}/ubuntu-24.04.2-live-server-amd64.iso`;
  const line = `root=/dev/ram0 ramdisk_size=1500000 ip=dhcp url=${iso} cloud-config-url=/dev/null autoinstall ${SERIAL} --- ${SERIAL}`;

  it('is found beside its ISO', () => {
    const { kernel, ramdisk, commandLine } = plan(iso);
    assert.equal(kernel.urls[0], `${folder}/netboot/amd64/linux`);
    assert.equal(ramdisk.urls[0], `${folder}/netboot/amd64/initrd`);
    assert(kernel.urls.includes(`${folder}/casper/vmlinuz`));
    assert.equal(commandLine, line);
  });

  it('is found in the netboot folder, with the ISO of the point release above it', () => {
    const { kernel, commandLine } = plan(`${folder}/netboot/amd64/`);
    assert.equal(kernel.urls[0], `${folder}/netboot/amd64/linux`);
    assert.equal(commandLine, line);
  });

  it('uses the address of the ISO in the kernel parameters', () => {
    const { commandLine } = plan('http://m.example.org/unpacked', '22.04', {
      kernelparam: 'iso-url=http://i.example.org/a.iso',
    });
    assert.doesNotMatch(commandLine, / url=/);
    assert.match(commandLine, / iso-url=http:\/\/i\.example\.org\/a\.iso ---/);
  });

  it('is refused with a hint when the address of the ISO is not known', () => {
    assert.throws(
      () => plan('http://m.example.org/unpacked'),
      (error) => error instanceof FactoryError && /url=http/.test(error.hint ?? ''),
    );
  });
});

describe('Ubuntu 20.04 from its legacy netboot folder', () => {
  const images = 'http://a.example.org/ubuntu/dists/focal/main/installer-amd64/current/legacy-images';
  const of = templateOf('Ubuntu', '20.04', { install: { type: 'url', url: `${images}/netboot/`, extras: [] } });

  it('is installed by debian-installer, with the names of its own kernel and no ISO', () => {
    const { scriptKind, planInstaller } = findProfile(of).profile;
    const { kernel, ramdisk, indexes, commandLine, scriptKind: planned } = planInstaller(of);
    assert.deepEqual([scriptKind, planned], ['preseed', 'preseed']);
    assert.deepEqual(kernel.urls, [`${images}/netboot/ubuntu-installer/amd64/linux`]);
    assert.deepEqual(ramdisk.urls, [`${images}/netboot/ubuntu-installer/amd64/initrd.gz`]);
    assert.deepEqual(indexes, [{ format: 'sha256sums', url: `${images}/SHA256SUMS`, prefix: './netboot/' }]);
    assert.doesNotMatch(commandLine, /iso/);
  });

  it('is the only release with such a folder', () => {
    const jammy = { ...of, os: { ...of.os, version: '22.04' } };
    assert.equal(findProfile(jammy).profile.scriptKind, 'autoinstall');
  });
});

describe('an install tree whose address has spaces', () => {
  it('is one word of the kernel’s command line', () => {
    const url = 'http://m.example.org/My  "Distro"\n/netboot/os/ ';
    const encoded = 'http://m.example.org/My%20%20%22Distro%22/netboot/os';
    for (const [name, version, word] of [
      ['Fedora', '40', `inst.repo=${encoded}`],
      ['RHEL-5', 'U4', `method=${encoded}`],
      ['Leap', '15.6', `install=${encoded}`],
      ['SLES', '16.0', `inst.install_url=${encoded}/install`],
      ['Ubuntu', '24.04', 'url=http://m.example.org/My%20%20%22Distro%22/ubuntu-24.04-live-server-amd64.iso'],
    ] as const) {
      const of = templateOf(name, version, { install: { type: 'url', url: url.trim(), extras: [] } });
      const { commandLine, kernel } = findProfile(of).profile.planInstaller(of);
      assert(commandLine.split(' ').includes(word), commandLine);
      assert.doesNotMatch(kernel.urls.join(''), /[\s"]/);
    }
  });
});

describe('a tree at an address that installers do not support', () => {
  const inTree = (name: string, url: string): Template =>
    templateOf(name, '12', { install: { type: 'url', url, extras: [] } });

  it('is refused by validate as by the plan of a build', () => {
    for (const url of ['file://example.org', 'nfs:host:/os', 'mirror/os', '/srv/debian']) {
      const { profile } = findProfile(inTree('Fedora', url));
      const install = `<install type='url'><url>${url}</url></install>`;
      const os = `<os><name>Fedora</name><version>40</version><arch>x86_64</arch>${install}</os>`;
      const { problems } = checkTemplate(`<template><name>t</name>${os}</template>`);
      assert.match(problems.map(({ message }) => message).join(), /^<url> is not an address/, url);
      assert.throws(
        () => checkTree(inTree('Fedora', url), profile.scriptKind),
        (error) =>
          error instanceof FactoryError && error.type === 'InvalidTemplate' && /https:\/\/…/.test(error.hint ?? ''),
      );
    }
  });

  it('may be a folder on the worker for debian-installer, whose packages come from the script’s mirror', () => {
    const folder = inTree('Debian', 'file:///srv/netboot');
    assert.deepEqual(findProfile(folder).warnings, []);
    assert.doesNotThrow(() => checkTree(folder, 'preseed'));
    assert.throws(() => checkTree(inTree('Debian', 'file://srv/netboot'), 'preseed'), /not an address/);
  });
});

describe('the answer to a template for an unknown or unsupported release', () => {
  const answer = (name: string, version: string): string => {
    try {
      const { warnings } = findProfile(template(name, version));
      return warnings.join();
    } catch (error) {
      assert(error instanceof FactoryError && error.type === 'UnsupportedOs', String(error));
      return `${error.message}; ${error.hint}`;
    }
  };
  for (const [name, version, expected] of [
    ['Debian', '14', /newer than the known versions \(5 to 13\)/],
    ['Ubuntu', '27.04', /newer than the known versions/],
    ['RHEL-11', 'GOLD', /newer than the known versions/],
    ['Rocky', '11.1', /newer than the known versions/],
    ['Leap', '16.1', /newer than the known versions/],
    ['SLES', '17', /newer than the known versions/],
    ['Ubuntu', '24.05', /write a version from 5\.04 to/],
    ['Ubuntu', 'jammy', /<version>22\.04<\/version>/],
    ['Ubunto', '24.04', /did you mean Ubuntu\?/],
    ['Ubuntu24', '04', /did you mean Ubuntu\?/],
    ['RockyLinx', '9', /did you mean RockyLinux\?/],
    ['BeOS', '5', /the known names are Debian, Ubuntu, Fedora, RHEL/],
    ['Fedora-40', '1', /did you mean Fedora\?/],
    ['Rocky', '7', /write a version from 8 to 10/],
    ['RHEL-6', '5.5', /not a version/],
    ['openSUSE', '9.3', /write a version from 10\.3/],
    ['RHEL-9', '9', /newer than the known versions/],
    ['RHEL', '8.11', /newer than the known versions/],
    ['CentOS-7', '10', /newer than the known versions/],
    ['Leap', '15.7', /newer than the known versions/],
    ['SLES', '15-SP10', /newer than the known versions/],
    ['Fedora', 'rawhide', /^Fedora rawhide changes from day to day: .* \(7 to 44, or rawhide\)$/],
    ['openSUSE', 'tumbleweed', /write <name>Tumbleweed<\/name>/],
    ['FreeBSD', '12.5', /reads its script from its medium only/],
    ['Rocky Linux', '11', /newer than the known versions/],
    ['FreeBSD', '14.1', /reads its script from its medium only.*install type='iso'/],
    ['Windows', '2022', /reads its script from its medium only.*install type='iso'/],
    ['Windows', '2008', /no PowerShell/],
    ['Windows', 'XP', /winnt\.sif/],
    ['Mageia', '9', /reads its script from its medium only/],
    ['RHL', '7.3', /floppy/],
    ['RHEL-2.1', 'U2', /floppy/],
  ] as const) {
    it(`${name} ${version}`, () => assert.match(answer(name, version), expected));
  }
});

describe('an install medium', () => {
  for (const family of FAMILIES.filter(({ releases }) => releases.some((one) => one.installTypes.includes('iso')))) {
    it(`has valid paths for kernel, ramdisk and script: ${family.title}`, () => {
      for (const { to, arches, installTypes } of family.releases) {
        if (!installTypes.includes('iso')) continue;
        const version = to === '9999' ? 'any' : to;
        const of = mediumTemplateOf(family.names[0] ?? '', version, { arch: arches[0] ?? 'x86_64' });
        const plan = findProfile(of).profile.planInstaller(of);
        const { medium } = plan;
        assert.equal(medium?.url, 'http://m.example.org/a.iso');
        assert.deepEqual([plan.kernel.urls, plan.ramdisk.urls, plan.indexes], [[], [], []]);
        const { kernels = [], ramdisks = [] } = medium.boots ?? {};
        const paths = [...kernels, ...ramdisks, ...(medium.files ?? []).map(({ path }) => path)];
        for (const path of [...paths, medium.script?.path ?? 'none']) assert.doesNotMatch(path, /^\/|undefined/);
        assert.equal(plan.commandLine === '', medium.boots === undefined);
        if (plan.scriptTransport === 'medium') assert(medium.script !== undefined);
      }
    });
  }

  it('is where anaconda looks for packages', () => {
    const line = (name: string, version: string): string => {
      const of = mediumTemplateOf(name, version, { kernelparam: 'spam=1' });
      return findProfile(of).profile.planInstaller(of).commandLine;
    };
    const ks = 'ks=http://169.254.169.254/latest/user-data';
    assert.equal(line('Rocky', '9.4'), `inst.${ks} inst.repo=cdrom inst.text console=tty0 ${SERIAL} spam=1`);
    assert.equal(line('RHEL-6', '5'), `${ks} method=cdrom text ksdevice=link console=tty0 ${SERIAL} spam=1`);
    assert.equal(line('Ubuntu', '24.04'), `autoinstall ${SERIAL} spam=1 --- ${SERIAL}`);
    assert.match(line('Leap', '16.0'), /^root=live:CDLABEL=\{volume-id\} /);
  });

  it('of SLES 16 needs no inst.install_url; a tree gets this word unless the template registers the system', () => {
    const line = (of: Template): string => findProfile(of).profile.planInstaller(of).commandLine;
    assert.match(line(templateOf('SLES', '16.0')), / inst\.install_url=http:\S+\/install /);
    assert.doesNotMatch(line(mediumTemplateOf('SLES', '16.0')), /install_url/);
    assert.doesNotMatch(line(templateOf('Leap', '16.0')), /install_url/);
    const own = line(templateOf('SLES', '16.0', { kernelparam: 'inst.register_url=https://rmt.example.org' }));
    assert.doesNotMatch(own, /install_url/);
  });

  it('of FreeBSD gets the kernel parameters in the configuration of its loader', () => {
    const of = mediumTemplateOf('FreeBSD', '14.1', { kernelparam: 'hw.x=1 verbose_loading' });
    const [loader] = findProfile(of).profile.planInstaller(of).medium?.files ?? [];
    assert.match(loader?.text ?? '', /^console="comconsole,vidconsole"$[\s\S]*^hw\.x="1"\nverbose_loading="YES"\n$/m);
  });

  it('of FreeBSD sets the terminal type, powers off after the script, and reports a failure of the script', () => {
    const of = mediumTemplateOf('FreeBSD', '14.1');
    const { medium, failurePatterns = [] } = findProfile(of).profile.planInstaller(of);
    const text = medium?.files?.find(({ path }) => path === 'etc/rc.local')?.text ?? '';
    const run = (status: number): string =>
      spawnSync('sh', [
        '-c',
        `mkdir() { :; }; tail() { echo log; }; poweroff() { echo off; }
bsdinstall() { echo "$TERM $*"; return ${status}; }
${text}`,
      ]).stdout.toString();
    assert.equal(run(0), '\nvt100 script /etc/installerconfig\noff\n');
    assert.equal(run(1), '\nvt100 script /etc/installerconfig\nlog\nIMAGEFACTORY-ERROR bsdinstall has failed\n');
    assert.ok(failurePatterns.some((pattern) => new RegExp(pattern, 'm').test(run(1))));
  });
});
