import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../src/domain/errors.js';
import { findProfile } from '../../../src/os/registry.js';
import type { Arch } from '../../../src/os/common/architectures.js';
import { templateOf } from './templates.js';

/* The systems that Oz accepts: their names, versions and install types, and their architectures if Oz limits them. */

const range = (from: number, to: number, prefix = ''): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${prefix}${from + index}`);
const updates = (last: number): string[] => ['GOLD', ...range(1, last, 'U')];
const ANY: Arch[] = ['i386', 'x86_64', 'ppc64', 'ppc64le', 'aarch64', 'armv7l', 's390x'];
const BOTH: ('url' | 'iso')[] = ['url', 'iso'];
const PC: Arch[] = ['i386', 'x86_64'];
const named = (bases: string[], major: string): string[] => bases.map((base) => `${base}-${major}`);

interface Accepted {
  names: string[];
  versions: string[];
  arches?: Arch[];
  types?: ('url' | 'iso')[];
  /** The reason why we refuse all of these systems. Unset when we build them. */
  refused?: RegExp;
}

const UBUNTU = [
  '5.04', '5.10', '6.06', '6.06.1', '6.06.2', '6.10', '7.04', '7.10', '8.04', '8.04.1', '8.04.4', '8.10', '9.04', '9.10', '10.04',
  '10.04.4', '10.10', '11.04', '11.10', '12.04', '12.04.5', '12.10', '13.04', '13.10', '14.04', '14.04.5', '14.10', '15.04', '15.10',
  '16.04', '16.04.3', '16.10', '17.04', '17.10', '18.04', '18.10',
]; // prettier-ignore

const OZ: Accepted[] = [
  { names: ['Fedora'], versions: [...range(7, 30), 'rawhide', '31'], arches: ANY },
  { names: ['FedoraCore', 'FC'], versions: range(1, 6), arches: ANY },
  { names: ['RedHatLinux', 'RHL'], versions: ['7.0', '7.1', '7.2', '7.3', '8'], arches: ['i386'], types: ['url'], refused: /floppy/ },
  { names: ['RedHatLinux', 'RHL'], versions: ['9'], arches: ['i386'], types: ['url'] },
  { names: named(['RHEL', 'RedHatEnterpriseLinux'], '2.1'), versions: ['GOLD', ...range(2, 6, 'U')], arches: ['i386'], types: ['url'], refused: /floppy/ },
  { names: named(['RHEL', 'RedHatEnterpriseLinux', 'CentOS'], '3'), versions: updates(9), arches: ANY },
  { names: named(['RHEL', 'RedHatEnterpriseLinux', 'CentOS', 'ScientificLinux', 'SL'], '4'), versions: updates(9), arches: ANY },
  { names: named(['RHEL', 'RedHatEnterpriseLinux', 'CentOS', 'OL', 'SL', 'ScientificLinux', 'SLC', 'ScientificLinuxCern'], '5'), versions: updates(11), arches: ANY },
  { names: named(['RHEL', 'RedHatEnterpriseLinux', 'CentOS', 'SL', 'ScientificLinux', 'SLC', 'ScientificLinuxCern', 'OEL', 'OL', 'OracleEnterpriseLinux'], '6'), versions: range(0, 10), arches: ANY },
  { names: named(['RHEL', 'RedHatEnterpriseLinux', 'CentOS'], '7'), versions: range(0, 9), arches: ANY },
  { names: named(['RHEL', 'RedHatEnterpriseLinux', 'CentOS'], '8'), versions: range(0, 10), arches: ANY },
  { names: named(['RHEL', 'RedHatEnterpriseLinux', 'CentOS'], '9'), versions: range(0, 5), arches: ANY },
  { names: ['Debian'], versions: range(5, 9), arches: ANY },
  { names: ['Ubuntu'], versions: UBUNTU, arches: ANY },
  { names: ['OpenSUSE'], versions: ['10.3', '11.0', '11.1', '11.2', '11.3', '11.4', '12.1', '12.2', '12.3', '13.1', '13.2', '42.1', '42.2'], types: ['iso'], arches: PC },
  { names: ['Mageia'], versions: ['2', '3', '4', '4.1', '5'], arches: PC },
  { names: ['Mandrake'], versions: ['8.2'], types: ['iso'], arches: ['i386'], refused: /image of a floppy disk/ },
  { names: ['Mandrake'], versions: ['9.0', '9.1', '9.2', '10.0', '10.1'], types: ['iso'], arches: ['i386'] },
  { names: ['Mandriva'], versions: ['2005', '2006.0', '2007.0', '2008.0'], types: ['iso'], arches: PC },
  { names: ['FreeBSD'], versions: ['10.0', '10.1', '10.2', '10.3', '11.0'], types: ['iso'], arches: PC },
  { names: ['Windows'], versions: ['2000', 'XP', '2003'], types: ['iso'], arches: PC, refused: /winnt\.sif/ },
  { names: ['Windows'], versions: ['2008'], types: ['iso'], arches: PC, refused: /no PowerShell/ },
  { names: ['Windows'], versions: ['7', '8', '8.1', '2012', '10', '2016'], types: ['iso'], arches: PC },
]; // prettier-ignore

/** Returns `taken` when we accept a system, else the error and its hint. */
function answer(name: string, version: string, arch: Arch, type: 'url' | 'iso'): string {
  const install =
    type === 'url'
      ? ({ type, url: 'http://m.example.org/tree', extras: [] } as const)
      : ({ type, iso: 'http://m.example.org/a.iso', extras: [] } as const);
  const template = templateOf(name, version, { arch, install: { ...install, extras: [] } });
  try {
    findProfile(template).profile.planInstaller(template);
    return 'taken';
  } catch (error) {
    assert(error instanceof FactoryError, `${name} ${version} ${arch} ${type}: ${String(error)}`);
    assert.equal(error.type, 'UnsupportedOs');
    return `${error.message}; ${error.hint}`;
  }
}

describe('a system that Oz builds', () => {
  for (const { names, versions, arches = PC, types = BOTH, refused } of OZ) {
    it(`is accepted, or refused with a reason: ${names.join(', ')} ${versions[0]} to ${versions.at(-1)}`, () => {
      for (const name of [...names, ...names.map((text) => text.toLowerCase())]) {
        for (const version of versions) {
          for (const type of types) {
            for (const arch of arches) {
              const said = answer(name, version, arch, type);
              const what = `${name} ${version} ${arch} ${type}: ${said}`;
              // The error must never be about the name or the version, because both are known.
              assert.doesNotMatch(said, /is not known|is not a version/, what);
              if (refused !== undefined) assert.match(said, refused, what);
              else if (said !== 'taken')
                assert.match(said, /was not published for|from an install tree: .* medium only/, what);
            }
          }
        }
        // At least one architecture must accept the medium, and the tree unless there is only a medium.
        for (const version of refused === undefined ? versions : []) {
          for (const type of types) {
            const taken = arches.some((arch) => answer(name, version, arch, type) === 'taken');
            assert(
              taken || (type === 'url' && /medium only/.test(answer(name, version, 'x86_64', 'url'))),
              `${name} ${version}`,
            );
          }
        }
      }
    });
  }
});
