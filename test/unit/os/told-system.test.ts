import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findSystemProfile } from '../../../src/os/registry.js';
import { readToldSystem } from '../../../src/os/told-system.js';
import { writeImportTemplate } from '../../../src/planning/import-template.js';
import { throwIfInvalid } from '../../../src/tdl/parse.js';

/** Lines of /etc/os-release, the machine, the system, and its package manager. */
const SYSTEMS: [string, string, string, string][] = [
  ['ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="12"', 'x86_64', 'Debian 12 x86_64', 'apt'],
  ['NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian', 'aarch64', 'Ubuntu 24.04 aarch64', 'apt'],
  ['NAME="Fedora Linux"\nVERSION_ID=41\nID=fedora', 'x86_64', 'Fedora 41 x86_64', 'dnf'],
  ['NAME="CentOS Stream"\nID="centos"\nVERSION_ID="9"', 'x86_64', 'CentOS-Stream 9 x86_64', 'dnf'],
  ['NAME="CentOS Linux"\nID="centos"\nVERSION_ID="7"', 'x86_64', 'CentOS 7 x86_64', 'yum'],
  ['NAME="Rocky Linux"\nID="rocky"\nVERSION_ID="9.4"', 'x86_64', 'Rocky 9.4 x86_64', 'dnf'],
  ['NAME="openSUSE Leap"\nID="opensuse-leap"\nVERSION_ID="15.6"', 'x86_64', 'OpenSUSE 15.6 x86_64', 'zypper'],
  ['NAME="Arch Linux"\nID=arch', 'x86_64', 'Arch Linux unknown x86_64', 'none'],
  ["NAME='Alpine <Linux> & more'\nID=alpine\nVERSION_ID=3.20.1", 'i686', 'Alpine <Linux> & more 3.20.1 i386', 'none'],
];

describe('the system that a guest tells', () => {
  for (const [osRelease, machine, label, packageManager] of SYSTEMS) {
    it(`is ${label}, whose packages ${packageManager} lists`, () => {
      const os = readToldSystem(osRelease, machine);
      assert.ok(os);
      assert.equal(`${os.name} ${os.version} ${os.arch}`, label);
      const template = throwIfInvalid(writeImportTemplate('name', 'glance:name', os), 'template.tdl');
      assert.deepEqual({ ...template.os, install: undefined }, { ...os, install: undefined });
      assert.equal(findSystemProfile(template).packageManager, packageManager);
    });
  }

  it('is not known without a name or on a machine that templates cannot name', () => {
    assert.equal(readToldSystem('', 'x86_64'), undefined);
    assert.equal(readToldSystem('cat: no such file', 'x86_64'), undefined);
    assert.equal(readToldSystem('ID=debian\nVERSION_ID=12', 'riscv64'), undefined);
    assert.equal(readToldSystem('ID=debian\nVERSION_ID=12', 'constructor'), undefined);
  });

  it('has neither control characters nor a long name in the template', () => {
    const os = readToldSystem(`ID=x\nNAME="a\u001b[31m${'b'.repeat(500)}"\nVERSION_ID="1"`, 'x86_64');
    assert.ok(os !== undefined && os.name.length <= 60);
    assert.ok(!os.name.includes('\u001b'));
  });
});
