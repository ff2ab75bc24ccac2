import assert from 'node:assert/strict';
import { mkdtempSync, openSync, closeSync, ftruncateSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import {
  type BootMachine,
  EC2_MACHINE,
  HYPERV_MACHINE,
  KVM_MACHINE,
  SCSI_MACHINE,
  VIRTUALBOX_MACHINE,
  VMWARE_MACHINE,
} from '../../../src/domain/boot-machines.js';
import { FactoryError } from '../../../src/domain/errors.js';
import type { DiskFormatName } from '../../../src/domain/target-formats.js';
import { bootDisk, type BootResult } from '../../../src/formats/boot/boot-disk.js';
import { buildBootArgs, checkBootable } from '../../../src/formats/boot/machine.js';
import { digestFile } from '../../../src/formats/disk/digest.js';
import { convertDisk, type ConvertedFile, type Disk } from '../../../src/formats/index.js';
import { makeBootSector } from '../../support/boot-sector.js';
import { missingProgram } from '../../support/programs.js';
import { makeFolder, makeOptions, MIB } from './disks.js';

describe('the command line of the emulator', () => {
  const files = { accelerator: 'tcg', disk: { path: '/s/it.body', format: 'vmdk' }, overlay: '/w/overlay' } as const;
  const devices = (machine: BootMachine): string[] => {
    const args = buildBootArgs(machine, files);
    return args.filter((_, index) => args[index - 1] === '-device');
  };
  const table: readonly [machine: BootMachine, devices: string[]][] = [
    [VMWARE_MACHINE, ['pvscsi', 'scsi-hd,drive=disk,bootindex=1', 'vmxnet3,netdev=network,romfile=']],
    [EC2_MACHINE, ['nvme,drive=disk,serial=disk,bootindex=1', 'virtio-net-pci,netdev=network,romfile=']],
    [HYPERV_MACHINE, ['ide-hd,drive=disk,bus=ide.0,bootindex=1', 'tulip,netdev=network,romfile=']],
    [KVM_MACHINE, ['virtio-blk-pci,drive=disk,bootindex=1', 'virtio-net-pci,netdev=network,romfile=']],
  ];
  for (const [machine, wanted] of table) {
    it(`has the devices of a machine with ${machine.disk}`, () => assert.deepEqual(devices(machine), wanted));
  }

  it('names each format, writes only into the overlay, and leads to no network', () => {
    const args = buildBootArgs(VMWARE_MACHINE, files);
    assert.deepEqual(JSON.parse(args[args.indexOf('-blockdev') + 1] ?? ''), {
      'node-name': 'disk',
      driver: 'qcow2',
      file: { driver: 'file', filename: '/w/overlay' },
      backing: {
        driver: 'vmdk',
        'read-only': true,
        file: { driver: 'file', filename: '/s/it.body', 'read-only': true },
      },
    });
    assert.ok(args.includes('user,id=network,restrict=on'));
    assert.ok(args.includes('-nodefaults'));
  });

  it('has the firmware of UEFI where the system needs it', () => {
    const args = buildBootArgs(KVM_MACHINE, { ...files, firmware: { code: '/o/code', variables: '/w/variables' } });
    assert.ok(args.includes('pc,accel=tcg,graphics=off,pflash0=code,pflash1=variables'));
    assert.ok(args.some((arg) => arg.includes('"filename":"/o/code"') && arg.includes('"read-only":true')));
  });
});

describe('a system that cannot be booted', () => {
  const request = { machine: KVM_MACHINE, firmware: 'bios', arch: 'x86_64' } as const;

  it('is refused when it is for another architecture', async () => {
    await assert.rejects(
      checkBootable('qcow2', { ...request, arch: 'aarch64' }),
      /x86_64 and i386 systems, not aarch64/,
    );
  });

  it('is refused when the emulator is missing, with the package to install', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = makeFolder();
    try {
      await assert.rejects(checkBootable('qcow2', request), (error: unknown) => {
        assert.ok(error instanceof FactoryError);
        assert.match(error.message, /lacks qemu-system-x86_64: verify boot needs it/);
        assert.match(error.hint ?? '', /install qemu-system-x86 /);
        return true;
      });
    } finally {
      process.env['PATH'] = path;
    }
  });
});

describe('a converted disk in the emulator', { skip: missingProgram('qemu-system-x86_64') }, () => {
  let folder: string;
  before(() => {
    folder = makeFolder();
  });

  /** Converts a disk whose boot sector says a text; an empty text makes a disk that cannot be booted. */
  async function convert(text: string, format: DiskFormatName): Promise<ConvertedFile> {
    const source: Disk = {
      path: join(folder, `source-${format}-${text.length}.raw`),
      format: 'raw',
      virtualSize: 4 * MIB,
    };
    const file = openSync(source.path, 'w');
    ftruncateSync(file, source.virtualSize);
    if (text !== '') writeSync(file, makeBootSector(text));
    closeSync(file);
    return convertDisk(source, format, makeOptions(folder));
  }

  function boot(
    { path, virtualSize }: ConvertedFile,
    format: DiskFormatName,
    machine: BootMachine,
    given: Partial<Parameters<typeof bootDisk>[0]> = {},
  ): Promise<BootResult> {
    const workFolder = mkdtempSync(join(folder, 'boot-'));
    return bootDisk({ path, format, virtualSize, machine, firmware: 'bios', arch: 'x86_64', workFolder, ...given });
  }

  const table: readonly [format: DiskFormatName, machine: BootMachine][] = [
    ['vmdk', VMWARE_MACHINE],
    ['raw', EC2_MACHINE],
    ['vhd', HYPERV_MACHINE],
    ['vdi', VIRTUALBOX_MACHINE],
    ['qcow2', KVM_MACHINE],
    ['vagrant-libvirt', SCSI_MACHINE],
    ['ova', VMWARE_MACHINE],
  ];
  for (const [format, machine] of table) {
    it(`boots from a ${format} with ${machine.disk}, and the file stays as it is`, async () => {
      const file = await convert('\r\nlocalhost login: ', format);
      const { verdict, console } = await boot(file, format, machine);
      assert.deepEqual(verdict, { booted: true, sign: 'login:' }, console.text);
      assert.equal((await digestFile(file.path)).sha256, file.sha256);
    });
  }

  it('fails with what its console says', async () => {
    const file = await convert('ALERT!  UUID=1 does not exist.\r\n', 'qcow2');
    const { verdict } = await boot(file, 'qcow2', KVM_MACHINE);
    assert.deepEqual(verdict, { booted: false, failure: 'no-root', line: 'ALERT!  UUID=1 does not exist.' });
  });

  it('fails when nothing on it can be started', async () => {
    const { verdict } = await boot(await convert('', 'qcow2'), 'qcow2', EC2_MACHINE);
    assert.equal(verdict.booted === false && verdict.failure, 'firmware');
  });

  it('cannot be judged when it says nothing', async () => {
    const file = await convert('\r\n', 'raw');
    const { verdict } = await boot(file, 'raw', HYPERV_MACHINE, { limits: { silence: 4000 } });
    assert.deepEqual(verdict, { booted: false, failure: 'no-console' });
  });

  it('is ended at once when its step is cancelled', async () => {
    const stop = new AbortController();
    const file = await convert('hello\r\n', 'vhdx');
    const workFolder = mkdtempSync(join(folder, 'cancelled-'));
    const booted = boot(file, 'vhdx', KVM_MACHINE, { workFolder, signal: stop.signal, onConsole: () => stop.abort() });
    await assert.rejects(booted, { name: 'AbortError' });
    assert.deepEqual(readdirSync(workFolder), ['overlay.qcow2']);
  });
});
