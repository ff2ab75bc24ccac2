import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32c, formatCrc32c } from '../../../../src/providers/gce/crc32c.js';
import { guestOsFeatures } from '../../../../src/providers/gce/guest-features.js';
import { familyName, imageName, toLabelValue, uuidOfImageName } from '../../../../src/providers/gce/names.js';
import { addMembers, toMember } from '../../../../src/providers/gce/share.js';

const UUID = '0f3b7a52-1111-4222-8333-444455556666';
const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

describe('names at Compute Engine', () => {
  for (const [name, beginning] of [
    ['Debian 12-gce', 'debian-12-gce'],
    ['12_über.raw', 'image-12-ber-raw'],
    ['', 'image'],
    ['---', 'image'],
    [`${'long-'.repeat(30)}`, 'long-long-long-long-long-l'],
    ['abcdefghijklmnopqrstuvwxy-z', 'abcdefghijklmnopqrstuvwxy'],
  ] as const) {
    it(`“${name.slice(0, 20)}” becomes a name that it takes`, () => {
      assert.equal(imageName({ name, uuid: UUID }), `${beginning}-${UUID}`);
      assert.match(imageName({ name, uuid: UUID }), NAME);
      assert.match(familyName({ name }), NAME);
      assert.equal(uuidOfImageName(imageName({ name, uuid: UUID })), UUID);
    });
  }

  it('a label’s value has no other characters than it takes', () => {
    assert.equal(toLabelValue('Worker-1.example.org:4711'), 'worker-1_example_org_4711');
    assert.equal(toLabelValue('x'.repeat(100)).length, 63);
  });
});

describe('features of the guest', () => {
  const features = (name: string, version: string, firmware: 'bios' | 'uefi' = 'uefi', arch = 'x86_64'): string =>
    guestOsFeatures({ os: { name, version, arch }, firmware }).join(' ');

  for (const [system, expected] of [
    [['Debian', '11'], 'UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['Debian', '12'], 'GVNIC SEV_CAPABLE SEV_LIVE_MIGRATABLE_V2 UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['Debian', '12', 'bios'], 'GVNIC VIRTIO_SCSI_MULTIQUEUE'],
    [['Debian', '12', 'uefi', 'aarch64'], 'GVNIC UEFI_COMPATIBLE'],
    [
      ['Debian', '13'],
      'GVNIC IDPF SEV_CAPABLE SEV_LIVE_MIGRATABLE_V2 SEV_SNP_CAPABLE UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE',
    ],
    [['RHEL', '7.9'], 'UEFI_COMPATIBLE'],
    [['CentOS-Stream', '8'], 'SEV_CAPABLE UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['Rocky', '9.4'], 'GVNIC SEV_CAPABLE SEV_SNP_CAPABLE UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['Ubuntu', '18.04'], 'UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['SLES', '15-SP5'], 'GVNIC SEV_CAPABLE UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['openSUSE-Leap', '15.2'], 'UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['Tumbleweed', 'rolling'], 'GVNIC SEV_CAPABLE UEFI_COMPATIBLE VIRTIO_SCSI_MULTIQUEUE'],
    [['WindowsServer', '2022', 'bios'], 'MULTI_IP_SUBNET VIRTIO_SCSI_MULTIQUEUE WINDOWS'],
    [['Mageia', '9'], 'UEFI_COMPATIBLE'],
    [['FreeBSD', '14', 'bios'], ''],
  ] as const) {
    it(`${system.join(' ')}: ${expected}`, () => {
      const [name, version, firmware, arch] = system;
      assert.equal(features(name, version, firmware, arch), expected);
    });
  }
});

describe('CRC32C', () => {
  it('is that of RFC 9260 and RFC 3720', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
    assert.equal(crc32c(Buffer.alloc(0)), 0);
  });

  it('continues over any division of the bytes', () => {
    const bytes = Buffer.from('an archive that arrives in parts');
    for (let at = 0; at <= bytes.length; at++)
      assert.equal(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at))), crc32c(bytes));
  });

  it('is written as Cloud Storage writes it', () => assert.equal(formatCrc32c(1), 'AAAAAQ=='));
});

describe('members of an image’s policy', () => {
  it('are read from addresses, or in Google’s words', () => {
    assert.equal(toMember('a@example.org'), 'user:a@example.org');
    assert.equal(toMember('x@p.iam.gserviceaccount.com'), 'serviceAccount:x@p.iam.gserviceaccount.com');
    assert.equal(toMember('domain:example.org'), 'domain:example.org');
    assert.throws(() => toMember('example'), { type: 'InvalidParameter', message: /“example” is not an account/ });
  });

  it('are added beside those that are there, and beside bindings with a condition', () => {
    const role = 'roles/compute.imageUser';
    const conditional = { role, members: ['user:c@x'], condition: { expression: 'true' } };
    const changed = addMembers({ etag: 'e', bindings: [conditional, { role, members: ['user:a@x'] }] }, ['user:b@x']);
    assert.deepEqual(changed?.bindings, [conditional, { role, members: ['user:a@x', 'user:b@x'] }]);
    assert.equal(changed?.etag, 'e');
    assert.deepEqual(addMembers({}, ['user:b@x'])?.bindings, [{ role, members: ['user:b@x'] }]);
    assert.equal(addMembers({ bindings: [{ role, members: ['user:a@x'] }] }, ['user:a@x']), undefined);
  });
});
