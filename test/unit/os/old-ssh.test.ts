import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FAMILIES, findFamily, findProfile } from '../../../src/os/registry.js';
import { hasOldSsh } from '../../../src/os/profile/releases.js';
import { sles } from '../../../src/os/families/suse/family.js';
import { mediumTemplateOf } from './templates.js';

/** For each system: a version that may have an OpenSSH older than 6.5, and a version with a newer OpenSSH. */
const BOUNDARIES: [name: string, old: string | undefined, young: string | undefined][] = [
  ['Debian', '7', '8'],
  ['Debian', '7.11', '8.0'],
  ['Ubuntu', '13.10', '14.04'],
  ['Ubuntu', '12.04.5', '14.04.6'],
  ['RedHatLinux', '9', undefined],
  ['FedoraCore', '6', undefined],
  ['Fedora', '20', '21'],
  ['Fedora', '7', 'rawhide'],
  ['RHEL', '7.9', '8'],
  ['RHEL-7', 'GOLD', undefined],
  ['RHEL-8', undefined, 'GOLD'],
  ['CentOS', '3', '8.5'],
  ['CentOS-Stream', undefined, '8'],
  ['Rocky', undefined, '8'],
  ['AlmaLinux', undefined, '8'],
  ['OracleLinux', '7', '8'],
  ['ScientificLinux', '7', undefined],
  ['OpenSUSE', '13.1', '13.2'],
  ['OpenSUSE', '10.3', '42.1'],
  ['Leap', undefined, '15.0'],
  ['Tumbleweed', undefined, 'any'],
  ['SLES', undefined, '12'],
  ['Mageia', '4', '5'],
  ['Mandrake', '10.1', undefined],
  ['Mandriva', '2005', undefined],
  ['Mandriva', '2010.2', undefined],
  ['FreeBSD', '10.0', '11.0'],
  ['FreeBSD', '10.4-RELEASE', '11.0-RELEASE'],
  ['WindowsServer', undefined, '2022'],
];

describe('an OpenSSH that may be older than 6.5', () => {
  it('is tested here for every family that can be built', () => {
    const decided = new Set(BOUNDARIES.map(([name]) => findFamily(name)?.family));
    const missing = FAMILIES.filter(
      ({ family, releases }) => releases.some(({ installTypes }) => installTypes.length > 0) && !decided.has(family),
    );
    assert.deepEqual(
      missing.map(({ family }) => family),
      [],
    );
  });

  for (const [name, old, young] of BOUNDARIES) {
    if (old !== undefined) it(`is in ${name} ${old}`, () => assert.equal(oldSshOf(name, old), true));
    if (young !== undefined) it(`is not in ${name} ${young}`, () => assert.equal(oldSshOf(name, young), undefined));
  }

  it('is in every service pack of SLES 11', () => {
    assert.equal(hasOldSsh(sles, [11, 4]), true);
    assert.equal(hasOldSsh(sles, [12, 0]), false);
  });
});

function oldSshOf(name: string, version: string): true | undefined {
  const arch = ['RedHatLinux', 'Mandrake'].includes(name) ? 'i386' : 'x86_64';
  return findProfile(mediumTemplateOf(name, version, { arch })).profile.oldSsh;
}
