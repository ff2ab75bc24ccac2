import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspectDisk } from '../../../src/formats/index.js';
import { makeFolder, MIB, noQemu, run } from './disks.js';

const folder = makeFolder();

/** Makes an empty disk with the given options of `qemu-img create`. */
function create(name: string, ...args: string[]): string {
  const path = join(folder, name);
  run('qemu-img', 'create', '-q', ...args.slice(0, -1), path, ...args.slice(-1));
  return path;
}

/** A copy of the bytes that a test has changed. */
function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

describe('a disk from outside', { skip: noQemu }, () => {
  it('is described by its path, its format and its size', async () => {
    const path = create('good.qcow2', '-f', 'qcow2', '64M');
    assert.deepEqual(await inspectDisk(path, 'qcow2'), { path, format: 'qcow2', virtualSize: 64 * MIB });
  });

  it('is refused if it has a backing file', async () => {
    const backing = create('backing.qcow2', '-f', 'qcow2', '64M');
    const path = create('overlay.qcow2', '-f', 'qcow2', '-b', backing, '-F', 'qcow2', '64M');
    await assert.rejects(inspectDisk(path, 'qcow2'), {
      type: 'ImageFailed',
      retryable: false,
      message: `the disk ${path} is refused: it has a backing file, ${JSON.stringify(backing)}`,
    });
  });

  it('is refused if its backing file does not exist', async () => {
    const path = join(folder, 'orphan.qcow2');
    run('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '/etc/absent', '-F', 'raw', path, '64M');
    await assert.rejects(inspectDisk(path, 'qcow2'), { type: 'ImageFailed', message: /has a backing file/ });
  });

  it('is refused if its data are in another file', async () => {
    const data = join(folder, 'data.raw');
    const path = create('outside.qcow2', '-f', 'qcow2', '-o', `data_file=${data},data_file_raw=on`, '64M');
    await assert.rejects(inspectDisk(path, 'qcow2'), { type: 'ImageFailed', message: /its data are in another file/ });
  });

  it('may be a VMDK of one file', async () => {
    for (const type of ['monolithicSparse', 'streamOptimized']) {
      const path = create(`${type}.vmdk`, '-f', 'vmdk', '-o', `subformat=${type}`, '64M');
      assert.equal((await inspectDisk(path, 'vmdk')).virtualSize, 64 * MIB);
    }
  });

  it('is refused if it is a VMDK that names other files, before qemu-img opens it', async (context) => {
    const sparse = readFileSync(create('one.vmdk', '-f', 'vmdk', '64M'));
    const files: [string, string | Buffer, RegExp][] = [
      [
        'flat',
        '# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 1 FLAT "/etc/shadow" 0\n',
        /monolithicFlat is not/,
      ],
      ['claims', '# Disk DescriptorFile\ncreateType="monolithicSparse"\nRW 1 FLAT "/etc/shadow" 0\n', /of other files/],
      ['words', 'words', /names no type/],
      ['bare', changed(sparse, (bytes) => bytes.writeBigUInt64LE(0n, 12)), /its extents are not in the file/],
      ['moved', changed(sparse, (bytes) => bytes.writeBigUInt64LE(9n, 28)), /has no descriptor/],
      ['child', changed(sparse, (bytes) => bytes.write('parentFileNameHint="/x"\n', 512)), /has a backing file/],
      ['sesparse', changed(sparse, (bytes) => bytes.write('createType="seSparse"\n', 512)), /seSparse is not one file/],
    ];
    const path = process.env['PATH'];
    context.after(() => (process.env['PATH'] = path));
    process.env['PATH'] = '';
    for (const [name, content, message] of files) {
      const file = join(folder, `${name}.vmdk`);
      writeFileSync(file, content);
      await assert.rejects(inspectDisk(file, 'vmdk'), { type: 'ImageFailed', message }, name);
    }
  });

  it('is refused if it is encrypted', async () => {
    const path = join(folder, 'secret.qcow2');
    const secret = ['--object', 'secret,id=s,data=word'];
    const options = 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10';
    run('qemu-img', 'create', '-q', ...secret, '-f', 'qcow2', '-o', options, path, '64M');
    await assert.rejects(inspectDisk(path, 'qcow2'), { type: 'ImageFailed', message: /it is encrypted/ });
  });

  it('is refused if a small file claims an enormous size', async () => {
    const path = create('bomb.qcow2', '-f', 'qcow2', '-o', 'cluster_size=2M', '100T');
    await assert.rejects(inspectDisk(path, 'qcow2'), {
      type: 'ImageFailed',
      message: /its virtual size is 109951162777600 bytes; the limit is 17592186044416 bytes$/,
    });
    await assert.rejects(inspectDisk(create('two.qcow2', '-f', 'qcow2', '2G'), 'qcow2', { largest: MIB }), {
      message: /the limit is 1048576 bytes$/,
    });
  });

  it('is refused if it is not of the named format', async () => {
    const path = join(folder, 'words.qcow2');
    writeFileSync(path, 'words');
    await assert.rejects(inspectDisk(path, 'qcow2'), {
      type: 'ImageFailed',
      message: /^cannot read the disk .* as qcow2/,
    });
  });

  it('is taken as raw whatever its first bytes say', async () => {
    const path = create('guest.raw', '-f', 'qcow2', '64M');
    const { virtualSize, format } = await inspectDisk(path, 'raw');
    assert.equal(format, 'raw');
    assert.ok(virtualSize < MIB);
  });
});
