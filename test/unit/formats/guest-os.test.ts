import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findGuestOs } from '../../../src/formats/archive/guest-os.js';

const VSPHERE_7 = 19;
const VSPHERE_8 = 20;

function nameOf(os: string, version: string, hardware = VSPHERE_7, arch = 'x86_64'): string {
  return findGuestOs({ os, version, arch, firmware: 'bios', secureBoot: false }, hardware).osType;
}

it('a system has the newest name that the hardware version knows', () => {
  const rows: [string, string, string, string][] = [
    ['Debian', '10', 'debian10_64Guest', 'debian10_64Guest'],
    ['Debian', '13', 'debian11_64Guest', 'debian12_64Guest'],
    ['RHEL', '9.4', 'rhel9_64Guest', 'rhel9_64Guest'],
    ['RHEL', '10', 'rhel9_64Guest', 'rhel9_64Guest'],
    ['RHEL-6', 'U5', 'rhel6_64Guest', 'rhel6_64Guest'],
    ['CentOS', '5.11', 'centos64Guest', 'centos64Guest'],
    ['CentOS-Stream', '9', 'centos9_64Guest', 'centos9_64Guest'],
    ['Rocky', '9', 'rhel9_64Guest', 'rockylinux_64Guest'],
    ['AlmaLinux', '8.10', 'rhel8_64Guest', 'almalinux_64Guest'],
    ['OracleLinux', '8', 'oracleLinux8_64Guest', 'oracleLinux8_64Guest'],
    ['Ubuntu', '24.04', 'ubuntu64Guest', 'ubuntu64Guest'],
    ['Fedora', '43', 'fedora64Guest', 'fedora64Guest'],
    ['openSUSE-Leap', '15.6', 'opensuse64Guest', 'opensuse64Guest'],
    ['SLES', '15.7', 'sles15_64Guest', 'sles15_64Guest'],
    ['FreeBSD', '14.1', 'freebsd13_64Guest', 'freebsd14_64Guest'],
    ['Windows', '2008R2', 'windows7Server64Guest', 'windows7Server64Guest'],
    ['Windows', '2022', 'windows2019srvNext_64Guest', 'windows2019srvNext_64Guest'],
    ['Windows', '2025', 'windows2019srvNext_64Guest', 'windows2022srvNext_64Guest'],
    ['Windows', '11', 'windows9_64Guest', 'windows11_64Guest'],
    ['Plan9', '4', 'otherLinux64Guest', 'otherLinux64Guest'],
  ];
  for (const [os, version, seven, eight] of rows) {
    assert.deepEqual([nameOf(os, version), nameOf(os, version, VSPHERE_8)], [seven, eight], `${os} ${version}`);
  }
});

it('a system of 32 bits has another name and another number', () => {
  assert.equal(nameOf('Debian', '10', VSPHERE_7, 'i386'), 'debian10Guest');
  assert.equal(nameOf('Ubuntu', '14.04', VSPHERE_7, 'i386'), 'ubuntuGuest');
  const system = { os: 'Debian', version: '10', arch: 'i386', firmware: 'bios', secureBoot: false } as const;
  assert.equal(findGuestOs(system, VSPHERE_7).cim, 95);
});
