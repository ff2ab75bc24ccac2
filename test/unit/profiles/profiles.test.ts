import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { TARGETS } from '../../../src/domain/targets.js';
import { parseVersion } from '../../../src/os/common/versions.js';
import { FAMILIES } from '../../../src/os/registry.js';
import { findVariant, planPreparation } from '../../../src/profiles/prepare.js';
import { findTargetProfile, PROFILES } from '../../../src/profiles/registry.js';
import type { Preparation } from '../../../src/profiles/types.js';

function plan(profile: string, family: string, version: string, arch = 'x86_64'): Preparation | undefined {
  const system = { family, version: parseVersion(version) ?? [], arch };
  return planPreparation(findVariant(findTargetProfile(profile), system), arch, []);
}

describe('the profiles of targets', () => {
  it('are named by the table of targets, and no profile is left over', () => {
    const named = new Set(TARGETS.flatMap(({ profile }) => profile ?? []));
    assert.deepEqual([...named].sort(), PROFILES.map(({ name }) => name).sort());
  });

  it('name only families that exist', () => {
    const known = new Set(FAMILIES.map(({ family }) => family));
    const named = PROFILES.flatMap(({ variants }) => variants.flatMap(({ families }) => families));
    assert.deepEqual(named.filter((family) => !known.has(family)), []); // prettier-ignore
  });

  for (const { name, variants } of PROFILES) {
    it(`${name}: every fragment is in the template language, and every command is a shell script`, () => {
      for (const variant of variants) {
        const arch = variant.arches?.[0] ?? 'x86_64';
        const { fragment } = planPreparation(variant, arch, []) ?? {};
        assert.ok(fragment !== undefined && fragment.packages.length > 0);
        for (const { content } of fragment.commands) {
          assert.equal(content.type, 'raw');
          if (content.type === 'raw') execFileSync('sh', ['-n'], { input: content.text });
        }
      }
    });
  }

  const packages: [profile: string, family: string, version: string, names: string[]][] = [
    ['vsphere', 'debian', '12', ['open-vm-tools']],
    ['vsphere', 'rocky', '9.4', ['open-vm-tools']],
    ['vsphere', 'sles', '15.5', ['open-vm-tools']],
    ['ovirt', 'fedora', '42', ['qemu-guest-agent']],
    ['azure', 'debian', '12', ['hyperv-daemons', 'waagent']],
    ['azure', 'ubuntu', '24.04', ['linux-cloud-tools-virtual', 'walinuxagent']],
    ['azure', 'almalinux', '9', ['hyperv-daemons', 'WALinuxAgent']],
    ['hyperv', 'opensuse', '15.6', ['hyper-v']],
    ['ec2', 'debian', '12', ['chrony']],
    ['vagrant-libvirt', 'ubuntu', '22.04', ['rsync', 'sudo']],
  ];
  for (const [profile, family, version, names] of packages) {
    it(`${profile}: ${family} ${version} gets ${names.join(', ')}`, () => {
      assert.deepEqual(plan(profile, family, version)?.fragment.packages.map(({ name }) => name), names); // prettier-ignore
    });
  }

  const nothing: [profile: string, family: string, version: string, arch: string][] = [
    ['vsphere', 'freebsd', '14', 'x86_64'],
    ['vsphere', 'windows', '2022', 'x86_64'],
    ['vsphere', 'centos', '6.9', 'x86_64'],
    ['vsphere', 'debian', '12', 'aarch64'],
  ];
  for (const [profile, family, version, arch] of nothing) {
    it(`${profile}: does nothing in ${family} ${version} ${arch}, so nothing is booted`, () => {
      assert.equal(plan(profile, family, version, arch), undefined);
    });
  }

  it('ask for no serial console of a PC on another architecture', () => {
    assert.ok(plan('ec2', 'debian', '12')?.requirements.kernelArguments.includes('console=ttyS0,115200n8'));
    const { requirements, fragment } = plan('ec2', 'debian', '12', 'aarch64') ?? {};
    assert.deepEqual(requirements?.kernelArguments, ['console=tty0', 'nvme_core.io_timeout=4294967295']);
    assert.doesNotMatch(JSON.stringify(fragment), /ttyS0/);
  });

  it('let cloud-init run where none of its datasources has data, because it makes the host keys', () => {
    const files = plan('vsphere', 'debian', '12')?.fragment.files.map(({ name, content }) => [name, content]);
    assert.deepEqual(files, [
      [
        '/etc/cloud/cloud.cfg.d/99-imagefactory-target.cfg',
        { type: 'raw', text: 'datasource_list: [ VMware, OVF, NoCloud, None ]\n' },
      ],
      ['/etc/cloud/ds-identify.cfg', { type: 'raw', text: 'policy: search,found=all,maybe=all,notfound=enabled\n' }],
    ]);
  });
});
