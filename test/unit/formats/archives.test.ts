import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { createGunzip } from 'node:zlib';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { ByteReader } from '../../../src/formats/bytes/content.js';
import type { DiskFormatName } from '../../../src/domain/target-formats.js';
import {
  type ConversionOptions,
  convertDisk,
  type ConvertedFile,
  measureConversion,
} from '../../../src/formats/index.js';
import { makeDisk, makeFolder, makeOptions, MIB, noQemu, ODD_SIZE, run } from './disks.js';

const GIB = 1024 * MIB;
const folder = makeFolder();
const source = noQemu === false ? makeDisk(folder, { label: 'gpt' }) : undefined;

interface Archive {
  file: ConvertedFile;
  /** Folder with what tar has unpacked. */
  unpacked: string;
  /** The lines of tar's listing. */
  listing: string[];
}

/** Converts the disk to an archive, and unpacks it with tar. */
async function make(name: DiskFormatName, given: Partial<ConversionOptions> = {}): Promise<Archive> {
  assert.ok(source !== undefined);
  const file = await convertDisk(source, name, makeOptions(folder, given));
  const unpacked = mkdtempSync(join(folder, 'unpacked-'));
  run('tar', 'xSf', file.path, '-C', unpacked);
  return { file, unpacked, listing: run('tar', 'tvf', file.path).trim().split('\n') };
}

/** Makes a function that converts the disk at its first call, and returns the same archive every time. */
function makeOnce(name: DiskFormatName): () => Promise<Archive> {
  let made: Promise<Archive> | undefined;
  return () => (made ??= make(name));
}

const gce = makeOnce('gce');
const ova = makeOnce('ova');

/** Names and sizes in a listing of tar. */
function namesAndSizes(listing: string[]): string[] {
  return listing.map((line) => {
    const [, , size, , , name] = line.split(/\s+/);
    return `${name} ${size}`;
  });
}

/** Reads the first bytes of a stream. */
async function readStart(stream: Readable, length: number): Promise<Buffer> {
  const reader = new ByteReader(stream as AsyncIterable<Buffer>);
  const start = await reader.read(length);
  await reader.close();
  return start;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

describe('an image for Google Compute Engine', { skip: noQemu }, () => {
  it('is a tar of the old GNU format with one disk of whole GiB', async () => {
    assert.ok(source !== undefined);
    const { file, unpacked, listing } = await gce();
    const disk = join(unpacked, 'disk.raw');
    const header = await readStart(createReadStream(file.path).pipe(createGunzip()), 512);
    assert.deepEqual(namesAndSizes(listing), [`disk.raw ${GIB}`]);
    assert.equal(header.toString('latin1', 257, 265), 'ustar  \0');
    assert.equal(header.toString('latin1', 156, 157), '0');
    assert.equal(file.virtualSize, GIB);
    assert.match(run('/usr/sbin/sfdisk', '--verify', disk), /No errors detected/);
    assert.match(file.converter, /^qemu-img [\d.]+, zlib \d/);
    // The bytes after the primary header are those of the source. The backup is at the new end.
    const before = readFileSync(source.path.replace('.qcow2', '.raw'));
    const after = await readStart(createReadStream(disk), before.length);
    assert.ok(after.subarray(1024).equals(before.subarray(1024)));
    assert.ok(statSync(file.path).blocks * 512 <= (await measureConversion(source, 'gce')));
  });

  it('is compressed without a time and without a name', async () => {
    const { file } = await gce();
    assert.deepEqual([...readFileSync(file.path).subarray(0, 8)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    run('gzip', '-t', file.path);
  });

  it('has the same bytes every time', async () => {
    assert.ok(source !== undefined);
    const [{ file }, again] = await Promise.all([gce(), convertDisk(source, 'gce', makeOptions(folder))]);
    assert.equal(file.sha512, again.sha512);
  });
});

describe('an OVA', { skip: noQemu }, () => {
  it('is a ustar with the descriptor first, the manifest, and the disk', async () => {
    const { file, listing } = await ova();
    const tar = readFileSync(file.path);
    assert.deepEqual(
      listing.map((line) => line.split(/\s+/)[5]),
      ['my-image.ovf', 'my-image.mf', 'my-image-disk1.vmdk'],
    );
    assert.equal(tar.toString('latin1', 257, 265), 'ustar\x0000');
    assert.equal(tar.length % 512, 0);
    assert.ok(tar.subarray(-1024).equals(Buffer.alloc(1024)));
    assert.ok(source !== undefined && file.size * 2 <= (await measureConversion(source, 'ova')));
  });

  it('has a manifest with the digests of its other files', async () => {
    const { unpacked } = await ova();
    const manifest = readFileSync(join(unpacked, 'my-image.mf'), 'utf8');
    const digest = (name: string): string =>
      createHash('sha256')
        .update(readFileSync(join(unpacked, name)))
        .digest('hex');
    assert.equal(
      manifest,
      ['my-image.ovf', 'my-image-disk1.vmdk'].map((name) => `SHA256(${name})= ${digest(name)}\n`).join(''),
    );
  });

  it('has a disk that holds what the source holds', async () => {
    const { file, unpacked } = await ova();
    const disk = join(unpacked, 'my-image-disk1.vmdk');
    const raw = await convertDisk({ path: disk, format: 'vmdk', virtualSize: 65 * MIB }, 'raw', makeOptions(folder));
    assert.equal(raw.virtualSize, file.virtualSize);
    assert.ok(source !== undefined);
    const before = readFileSync(source.path.replace('.qcow2', '.raw'));
    assert.ok(readFileSync(raw.path).subarray(1024, ODD_SIZE).equals(before.subarray(1024)));
  });

  it('describes the machine: its sizes, its devices and its system', async () => {
    const { file, unpacked } = await ova();
    const text = readFileSync(join(unpacked, 'my-image.ovf'), 'utf8');
    assert.equal(XMLValidator.validate(text), true);
    const { Envelope: envelope } = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@' }).parse(text) as {
      Envelope: Record<string, Record<string, Record<string, unknown>>>;
    };
    const disk = envelope['DiskSection']?.['Disk'];
    assert.deepEqual(
      Object.keys(envelope).filter((key) => !key.startsWith('@')),
      ['References', 'DiskSection', 'NetworkSection', 'VirtualSystem'],
    );
    assert.deepEqual(envelope['References']?.['File'], {
      '@ovf:href': 'my-image-disk1.vmdk',
      '@ovf:id': 'file1',
      '@ovf:size': String(statSync(join(unpacked, 'my-image-disk1.vmdk')).size),
    });
    assert.equal(disk?.['@ovf:capacity'], String(file.virtualSize));
    assert.match(String(disk?.['@ovf:format']), /#streamOptimized$/);
    const system = envelope['VirtualSystem'] ?? {};
    assert.equal(system['OperatingSystemSection']?.['@ovf:id'], '96');
    assert.equal(system['OperatingSystemSection']?.['@vmw:osType'], 'debian11_64Guest');
    const hardware = system['VirtualHardwareSection'] as unknown as {
      System: Record<string, unknown>;
      Item: Record<string, unknown>[];
    };
    assert.equal(hardware.System['vssd:VirtualSystemType'], 'vmx-19');
    assert.deepEqual(
      hardware.Item.map((item) => [
        item['rasd:ResourceType'],
        item['rasd:ResourceSubType'] ?? item['rasd:VirtualQuantity'],
      ]),
      [
        [3, 2],
        [4, 2048],
        [6, 'VirtualSCSI'],
        [17, undefined],
        [10, 'VmxNet3'],
      ],
    );
    for (const item of hardware.Item) assert.deepEqual(Object.keys(item), Object.keys(item).sort());
    assert.match(text, /vmw:key="firmware" vmw:value="bios"/);
    assert.doesNotMatch(text, /efiSecureBootEnabled/);
  });

  it('asks for UEFI and Secure Boot where the image has them, and for the hardware of the caller', async () => {
    const system = { os: 'Debian', version: '12', arch: 'x86_64', firmware: 'uefi', secureBoot: true } as const;
    const { unpacked } = await make('ova', { system, hardwareVersion: 21, imageName: 'a <b> & "c"' });
    const text = readFileSync(join(unpacked, 'a-b-c-.ovf'), 'utf8');
    assert.match(text, /vmw:key="firmware" vmw:value="efi"/);
    assert.match(text, /vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="true"/);
    assert.match(text, />vmx-21</);
    assert.match(text, /vmw:osType="debian12_64Guest"/);
    assert.match(text, /<Name>a &lt;b&gt; &amp; &quot;c&quot;<\/Name>/);
  });

  it('is refused for a system that VMware cannot run', async () => {
    assert.ok(source !== undefined);
    const system = { os: 'Debian', version: '12', arch: 'aarch64', firmware: 'uefi', secureBoot: false } as const;
    await assert.rejects(convertDisk(source, 'ova', makeOptions(folder, { system })), {
      type: 'ImageFailed',
      message: 'the system is for aarch64: the format ova is for x86_64 and i386',
    });
  });
});

describe('a Vagrant box', { skip: noQemu }, () => {
  it('for libvirt has the disk as a qcow2 and its size in whole GiB, rounded up', async () => {
    const { file, unpacked, listing } = await make('vagrant-libvirt');
    assert.deepEqual(
      listing.map((line) => line.split(/\s+/)[5]),
      ['metadata.json', 'Vagrantfile', 'box.img'],
    );
    assert.deepEqual(readJson(join(unpacked, 'metadata.json')), {
      provider: 'libvirt',
      format: 'qcow2',
      virtual_size: 1,
      architecture: 'amd64',
    });
    assert.ok(source !== undefined);
    run('qemu-img', 'compare', '-f', 'qcow2', '-F', 'qcow2', source.path, join(unpacked, 'box.img'));
    assert.equal(file.virtualSize, ODD_SIZE);
    assert.doesNotMatch(readFileSync(join(unpacked, 'Vagrantfile'), 'utf8'), /loader/);
  });

  it('for libvirt finds the firmware of an image that boots by UEFI', async () => {
    const system = { os: 'Debian', version: '12', arch: 'aarch64', firmware: 'uefi', secureBoot: false } as const;
    const { unpacked } = await make('vagrant-libvirt', { system });
    assert.match(
      readFileSync(join(unpacked, 'Vagrantfile'), 'utf8'),
      /loader = \["\/usr\/share\/AAVMF\/AAVMF_CODE.fd"/,
    );
    assert.match(readFileSync(join(unpacked, 'metadata.json'), 'utf8'), /"architecture":"arm64"/);
  });

  it('for VirtualBox has a descriptor, and a disk that holds what the source holds', async () => {
    const { unpacked, listing } = await make('vagrant-virtualbox');
    assert.deepEqual(
      listing.map((line) => line.split(/\s+/)[5]),
      ['metadata.json', 'Vagrantfile', 'box.ovf', 'box-disk001.vmdk'],
    );
    const text = readFileSync(join(unpacked, 'box.ovf'), 'utf8');
    const mac = /rasd:Address>(080027[\dA-F]{6})</.exec(text)?.[1];
    assert.match(text, />virtualbox-2.2</);
    assert.match(text, /ovf:href="box-disk001.vmdk"/);
    assert.ok(readFileSync(join(unpacked, 'Vagrantfile'), 'utf8').includes(`config.vm.base_mac = "${mac}"`));
    run('qemu-img', 'check', '-f', 'vmdk', join(unpacked, 'box-disk001.vmdk'));
  });
});
