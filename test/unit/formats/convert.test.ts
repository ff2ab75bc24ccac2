import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { convertDisk, type Disk, FORMAT_EXTENSIONS, measureConversion } from '../../../src/formats/index.js';
import { OUTPUT_FORMATS } from '../../../src/formats/registry.js';
import { DISK_FORMAT_NAMES, type DiskFormatName } from '../../../src/domain/target-formats.js';
import { makeDisk, makeFolder, makeOptions, MIB, noQemu, ODD_SIZE, run } from './disks.js';

/** The formats whose output is one disk, with qemu-img's names of them. */
const DISK_FORMATS = {
  qcow2: 'qcow2',
  raw: 'raw',
  vmdk: 'vmdk',
  vhd: 'vpc',
  'vhd-dynamic': 'vpc',
  vhdx: 'vhdx',
  vdi: 'vdi',
} as const satisfies Partial<Record<DiskFormatName, Disk['format']>>;
type DiskFormat = keyof typeof DISK_FORMATS;

const folder = makeFolder();

describe('a converted disk', { skip: noQemu }, () => {
  for (const name of Object.keys(DISK_FORMATS) as DiskFormat[]) {
    it(`of format ${name} holds what its source holds`, async () => {
      const source = makeDisk(folder);
      const options = makeOptions(folder);
      const needed = await measureConversion(source, name);
      const file = await convertDisk(source, name, options);
      const size = name === 'qcow2' ? ODD_SIZE : 65 * MIB;
      const info = JSON.parse(run('qemu-img', 'info', '--output=json', '-f', DISK_FORMATS[name], file.path)) as Record<
        string,
        number
      >;
      run('qemu-img', 'compare', '-f', 'qcow2', '-F', DISK_FORMATS[name], source.path, file.path);
      assert.equal(basename(file.path), `my-image.${FORMAT_EXTENSIONS[name]}`);
      assert.equal(file.virtualSize, size);
      assert.equal(info['virtual-size'], size);
      assert.equal(file.size, statSync(file.path).size);
      assert.equal(file.sha512, createHash('sha512').update(readFileSync(file.path)).digest('hex'));
      assert.equal(file.sha256, createHash('sha256').update(readFileSync(file.path)).digest('hex'));
      assert.match(file.converter, /^qemu-img \d/);
      assert.match(file.verifiedBy, /^qemu-img compare/);
      assert.ok(needed >= statSync(file.path).blocks * 512, `${needed} bytes were announced`);
      assert.deepEqual(readdirSync(options.workFolder), [basename(file.path)]);
    });
  }

  // archives.test.ts has the test of gce, whose disk has a GiB.
  for (const name of DISK_FORMAT_NAMES.filter((format) => OUTPUT_FORMATS[format].reproducible && format !== 'gce')) {
    it(`of format ${name} has the same bytes every time`, async () => {
      const source = makeDisk(folder, { label: 'gpt' });
      const [first, second] = await Promise.all([1, 2].map(() => convertDisk(source, name, makeOptions(folder))));
      assert.equal(first?.sha512, second?.sha512);
    });
  }

  it('is compressed with the method that was asked for', async () => {
    const source = makeDisk(folder);
    const file = await convertDisk(source, 'qcow2', makeOptions(folder, { compression: 'zstd' }));
    const plain = await convertDisk(source, 'qcow2', makeOptions(folder));
    assert.match(run('qemu-img', 'info', '-f', 'qcow2', file.path), /compression type: zstd/);
    assert.ok(file.size < plain.size);
  });

  it('of format vhd ends with a footer and is a multiple of 1 MiB besides', async () => {
    const file = await convertDisk(makeDisk(folder), 'vhd', makeOptions(folder));
    const bytes = readFileSync(file.path);
    assert.equal(bytes.length, 65 * MIB + 512);
    assert.equal(bytes.toString('latin1', 65 * MIB, 65 * MIB + 8), 'conectix');
    assert.equal(bytes.readBigUInt64BE(65 * MIB + 48), BigInt(65 * MIB));
    assert.equal(bytes.readUInt32BE(65 * MIB + 60), 2);
  });

  it('of format vmdk is a stream for a SCSI controller', async () => {
    const file = await convertDisk(makeDisk(folder), 'vmdk', makeOptions(folder));
    const start = readFileSync(file.path).toString('latin1', 0, 2048);
    assert.match(start, /createType="streamOptimized"/);
    assert.match(start, /ddb.adapterType = "lsilogic"/);
    assert.match(file.converter, /, zlib \d/);
    assert.match(start, /ddb.virtualHWVersion = "14"/);
    assert.match(start, /"my-image.vmdk"/);
  });

  it('of format vmdk has no table where the disk is empty', async () => {
    const { path, size } = await convertDisk(makeDisk(folder, { size: 161 * MIB }), 'vmdk', makeOptions(folder));
    const directory = readFileSync(path).subarray(size - 4 * 512, size - 3 * 512);
    const tables = Array.from({ length: 6 }, (_, index) => directory.readUInt32LE(index * 4) > 0);
    // A table is for 32 MiB. The disk has data in its first 34 MiB, and at its end.
    assert.deepEqual(tables, [true, true, false, false, false, true]);
  });

  it('replaces what a killed attempt has left', async () => {
    const options = makeOptions(folder);
    writeFileSync(join(options.workFolder, 'my-image.raw'), 'half');
    writeFileSync(join(options.workFolder, 'work'), 'half');
    const file = await convertDisk(makeDisk(folder), 'raw', options);
    assert.equal(file.size, 65 * MIB);
    assert.deepEqual(readdirSync(options.workFolder), ['my-image.raw']);
  });

  it('is announced by its progress', async () => {
    const seen: string[] = [];
    const options = makeOptions(folder, {
      onProgress: ({ message, percent }) => void seen.push(`${message} ${percent}`),
    });
    await convertDisk(makeDisk(folder), 'raw', options);
    assert.ok(seen.includes('converting to raw 100'), seen.join(', '));
    assert.ok(seen.includes('comparing the raw with its source 100'), seen.join(', '));
  });
});

describe('a conversion', { skip: noQemu }, () => {
  it('refuses a disk that is larger than the format', async () => {
    const path = join(folder, 'large.qcow2');
    run('qemu-img', 'create', '-q', '-f', 'qcow2', path, '2041G');
    const source = { path, format: 'qcow2', virtualSize: 2041 * 1024 * MIB } as const;
    await assert.rejects(convertDisk(source, 'vhd', makeOptions(folder)), {
      type: 'ImageFailed',
      retryable: false,
      message: 'the disk has 2041 GiB: a disk of format vhd has at most 2040 GiB',
    });
  });

  it('fails when the output differs from its source', async () => {
    const source = makeDisk(folder);
    const options = makeOptions(folder, {
      // The first report of the comparison comes after the file was written.
      onProgress: ({ message }) => {
        const path = join(options.workFolder, 'work', 'my-image.raw');
        if (!message.startsWith('comparing') || !existsSync(path)) return;
        const file = openSync(path, 'r+');
        writeSync(file, 'x', 50 * MIB);
        closeSync(file);
      },
    });
    await assert.rejects(convertDisk(source, 'raw', options), {
      type: 'ImageFailed',
      message: /^the converted disk differs from its source, so it is not used: Content mismatch at offset 52428800!/,
    });
    assert.equal(existsSync(join(options.workFolder, 'my-image.raw')), false);
  });

  it('says what qemu-img said about a source that it cannot read', async () => {
    const path = join(folder, 'text.qcow2');
    writeFileSync(path, 'no disk');
    await assert.rejects(convertDisk({ path, format: 'qcow2', virtualSize: MIB }, 'raw', makeOptions(folder)), {
      type: 'ImageFailed',
      retryable: false,
      message: /^cannot convert the disk to raw: .*Image is not in qcow2 format/,
    });
  });

  it('ends qemu-img when it is aborted, with the signal’s reason', async () => {
    const controller = new AbortController();
    const reason = new Error('stop');
    const options = makeOptions(folder, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    await assert.rejects(convertDisk(makeDisk(folder), 'vmdk', options), (error) => error === reason);
  });

  it('may be tried again when the disk of the worker is full', { skip: !existsSync('/dev/full') }, async () => {
    const { programFailedError } = await import('../../../src/formats/disk/programs.js');
    const stderr = 'qemu-img: error while writing at byte 0: No space left on device';
    const error = programFailedError('qemu-img', 'convert the disk to raw', { code: 1, killedBy: null, stderr });
    assert.equal(error.type, 'StoreFailed');
    assert.equal(error.retryable, true);
    assert.match(error.message, /No space left/);
  });

  it('names the package when qemu-img is missing', async (context) => {
    const before = process.env['PATH'];
    context.after(() => (process.env['PATH'] = before));
    process.env['PATH'] = folder;
    await assert.rejects(convertDisk({ path: '/x', format: 'raw', virtualSize: MIB }, 'raw', makeOptions(folder)), {
      type: 'InvalidParameter',
      message: 'the worker’s machine lacks qemu-img: target images need it',
      hint: /qemu-utils \(Debian, Ubuntu\) or qemu-img \(Fedora/,
    });
  });
});
