import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { FactoryError } from '../../../src/domain/errors.js';
import { checkGrubPrograms, buildGrubConfig, type StubFirmware } from '../../../src/media/grub.js';
import { makeStubDisk } from '../../../src/media/stub-disk.js';

const run = promisify(execFile);
const never = new AbortController().signal;
const missing = await checkGrubPrograms(['bios', 'uefi'], never).then(
  () => false,
  (error: Error) => error.message,
);

describe('the configuration of GRUB on a stub disk', () => {
  it('passes every word of the command line to the kernel unchanged', () => {
    const config = buildGrubConfig({
      kernel: '/kernel',
      ramdisks: ['/ramdisk0', '/ramdisk1'],
      commandLine: "a=$b;c  d='e' --- x{y}",
    });
    assert.match(config, /^linux '\/kernel' 'a=\$b;c' 'd='\\''e'\\''' '---' 'x\{y\}'$/m);
    assert.match(config, /^initrd '\/ramdisk0' '\/ramdisk1'$/m);
  });
});

describe('a stub disk', { skip: missing }, () => {
  let folder: string;
  const kernel = Buffer.alloc(300_000, 'kernel');
  const ramdisk = Buffer.alloc(1_000_001, 'ramdisk');
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stub-'));
    await writeFile(join(folder, 'k'), kernel);
    await writeFile(join(folder, 'r'), ramdisk);
  });
  after(() => rm(folder, { recursive: true }));

  async function diskOf(firmwares: StubFirmware[]): Promise<{ disk: Buffer; partition: string }> {
    const files = { kernel: join(folder, 'k'), ramdisks: [join(folder, 'r')] };
    const { path, size } = await makeStubDisk({ ...files, commandLine: 'quiet', firmwares, folder, signal: never });
    const disk = await readFile(path);
    assert.equal(disk.length, size);
    return { disk, partition: `${path}@@1M` };
  }

  async function read(partition: string, name: string): Promise<Buffer> {
    const { stdout } = await run('mtype', ['-i', partition, `::/${name}`], {
      encoding: 'buffer',
      maxBuffer: 16 * 1024 ** 2,
    });
    return stdout;
  }

  it('has a boot loader for BIOS, and one partition with kernel, ramdisk and configuration', async () => {
    const { disk, partition } = await diskOf(['bios', 'uefi']);
    assert.equal(disk.readUInt16LE(510), 0xaa55);
    assert.ok(disk.subarray(0, 440).includes('GRUB'));
    assert.equal(disk[446], 0x80, 'the partition is active');
    assert.equal(disk[450], 0xef);
    const [first, sectors] = [disk.readUInt32LE(454), disk.readUInt32LE(458)];
    assert.equal((first + sectors) * 512, disk.length);
    // GRUB's second sector has the number of sectors that follow it. They must end before the partition.
    assert.ok(disk.readUInt16LE(512 + 508) + 2 < first);
    assert.deepEqual(await read(partition, 'kernel'), kernel);
    assert.deepEqual(await read(partition, 'ramdisk0'), ramdisk);
    assert.equal(
      (await read(partition, 'grub.cfg')).toString(),
      buildGrubConfig({ kernel: '/kernel', ramdisks: ['/ramdisk0'], commandLine: 'quiet' }),
    );
  });

  it('has a boot loader for UEFI at the path where the firmware looks for it', async () => {
    const { partition } = await diskOf(['bios', 'uefi']);
    const loader = await read(partition, 'EFI/BOOT/BOOTX64.EFI');
    assert.equal(loader.toString('latin1', 0, 2), 'MZ');
  });

  it('reports the output of the program that failed when the disk cannot be made', async () => {
    const files = { kernel: join(folder, 'k'), ramdisks: [join(folder, 'none')] };
    const made = makeStubDisk({ ...files, commandLine: '', firmwares: ['bios'], folder, signal: never });
    await assert.rejects(
      made,
      (error) =>
        error instanceof FactoryError && error.type === 'StoreFailed' && error.retryable && /none/.test(error.message),
    );
  });

  it('has only the boot loader for BIOS when the firmware is only BIOS', async () => {
    const { partition } = await diskOf(['bios']);
    await assert.rejects(read(partition, 'EFI/BOOT/BOOTX64.EFI'));
  });
});
