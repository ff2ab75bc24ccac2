import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { amiName, clientToken, fitToEc2, partitionOf } from '../../../../src/providers/ec2/names.js';
import type { PushedImage } from '../../../../src/providers/types.js';

const IMAGE: PushedImage = {
  uuid: '0a1b2c3d-0000-4000-8000-000000000001',
  source: '0a1b2c3d-0000-4000-8000-000000000002',
  name: 'debian-12-ec2',
  os: { name: 'Debian', version: '12', arch: 'x86_64' },
  firmware: 'bios',
  secureBoot: false,
  guestProperties: {},
  file: {
    path: '/disk',
    name: 'debian-12.raw',
    format: 'raw',
    size: 1024 ** 3,
    virtualSize: 1024 ** 3,
    sha256: 'a'.repeat(64),
    sha512: '0123456789abcdef'.repeat(8),
  },
  documents: { record: '{}' },
};

describe('the name of an AMI', () => {
  it('has the name, the UUID and the beginning of the digest', () => {
    assert.equal(amiName(IMAGE), `debian-12-ec2-${IMAGE.uuid}-01234567`);
  });

  it('has only characters that EC2 allows, and never more than 128', () => {
    for (const name of ['Débian:12*"ec2"', 'x'.repeat(300), '', "a(b)[c] d./-'@_"]) {
      assert.match(amiName({ ...IMAGE, name }), /^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/);
    }
    const long = amiName({ ...IMAGE, name: 'x'.repeat(300) });
    assert.equal(long.length, 128);
    assert.ok(long.endsWith(`-${IMAGE.uuid}-01234567`));
    assert.ok(amiName({ ...IMAGE, name: "a(b)[c] d./-'@_" }).startsWith("a(b)[c] d./-'@_-"));
  });
});

describe('a client token', () => {
  it('is the same for the same request only, and has 64 ASCII characters', () => {
    const token = clientToken({ size: 1 });
    assert.match(token, /^[0-9a-f]{64}$/);
    assert.equal(clientToken({ size: 1 }), token);
    assert.notEqual(clientToken({ size: 2 }), token);
    assert.notEqual(clientToken({ size: 1 }, 'snap-0'), token);
  });
});

describe('an image for EC2', () => {
  const GIB = 1024 ** 3;
  const withSize = (virtualSize: number): PushedImage => ({ ...IMAGE, file: { ...IMAGE.file, virtualSize } });
  const withSystem = (arch: string, firmware: 'bios' | 'uefi'): PushedImage => ({
    ...IMAGE,
    os: { ...IMAGE.os, arch },
    firmware,
  });

  it('has a volume of whole GiB, rounded up', () => {
    for (const [bytes, size] of [
      [512, 1],
      [GIB, 1],
      [GIB + 1, 2],
      [20 * GIB, 20],
    ] as const) {
      assert.deepEqual(fitToEc2(withSize(bytes)), {
        architecture: 'x86_64',
        bootMode: 'legacy-bios',
        volumeSize: size,
      });
    }
  });

  it('starts as it was built', () => {
    for (const [arch, firmware, architecture, bootMode] of [
      ['x86_64', 'bios', 'x86_64', 'legacy-bios'],
      ['x86_64', 'uefi', 'x86_64', 'uefi'],
      ['aarch64', 'uefi', 'arm64', 'uefi'],
      ['i386', 'bios', 'i386', 'legacy-bios'],
    ] as const) {
      assert.deepEqual(fitToEc2(withSystem(arch, firmware)), { architecture, bootMode, volumeSize: 1 });
    }
  });

  for (const [what, image, problem] of [
    ['another format', { ...IMAGE, file: { ...IMAGE.file, format: 'qcow2' } }, /takes raw disks, not qcow2/],
    ['another architecture', withSystem('s390x', 'bios'), /no machines for s390x/],
    ['aarch64 with BIOS', withSystem('aarch64', 'bios'), /start by UEFI only/],
    ['i386 with UEFI', withSystem('i386', 'uefi'), /start by BIOS only/],
    ['Secure Boot', { ...IMAGE, secureBoot: true }, /Secure Boot/],
    ['a disk above the largest volume', withSize(65_537 * GIB), /65537 GiB, more than the 65536/],
  ] satisfies [string, PushedImage, RegExp][]) {
    it(`is refused with ${what}, with a hint`, () => {
      const fit = fitToEc2(image);
      assert.ok('problem' in fit);
      assert.match(fit.problem, problem);
      assert.notEqual(fit.hint, '');
    });
  }
});

describe('the partition of a region', () => {
  it('is that of China, of GovCloud, or the common one', () => {
    assert.deepEqual(['cn-north-1', 'us-gov-west-1', 'eu-west-1'].map(partitionOf), ['aws-cn', 'aws-us-gov', 'aws']);
  });
});
