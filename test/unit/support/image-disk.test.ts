import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { copyFromDisk } from '../../support/image-disk.js';
import { findTexts, listDiskFiles, listMachineFiles } from '../../support/machine-traces.js';

/** Returns the reason to skip, when this machine lacks a program. */
function lacksPrograms(): string | false {
  for (const program of ['mke2fs', 'debugfs', 'qemu-img']) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`]);
    } catch {
      return `this machine has no ${program}`;
    }
  }
  return false;
}

const MIB = 1024 ** 2;
const LONG_AGO = 1_000_000_000;

describe('the disk of an image', { skip: lacksPrograms() }, () => {
  let folder = '';
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'image-disk-'));
    const system = join(folder, 'system');
    const put = (path: string, text: string, time: number): void => {
      mkdirSync(join(system, path, '..'), { recursive: true });
      writeFileSync(join(system, path), text);
      utimesSync(join(system, path), time, time);
    };
    put('etc/hostname', 'localhost\n', LONG_AGO + 100);
    put('etc/issue', 'Debian\n', LONG_AGO);
    put('etc/own/.imagefactory.Ab12Cd', 'half', LONG_AGO);
    put('var/log/wtmp', '', LONG_AGO + 100);
    put('var/log/messages', 'login from 198.51.100.1\n', LONG_AGO + 100);
    put('var/lib/systemd/random-seed', 'seed', LONG_AGO);
    put('var/lib/dpkg/status', 'Package: hello\n', LONG_AGO + 100);
    put('usr/bin/other', 'x', LONG_AGO);
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', system, join(folder, 'part'), '16M']);
    const table = Buffer.alloc(MIB);
    table[446 + 4] = 0x83;
    table.writeUInt32LE(MIB / 512, 446 + 8);
    table.writeUInt32LE((16 * MIB) / 512, 446 + 12);
    table.writeUInt16LE(0xaa55, 510);
    writeFileSync(join(folder, 'raw'), Buffer.concat([table, readFileSync(join(folder, 'part'))]));
    execFileSync('qemu-img', ['convert', '-O', 'qcow2', join(folder, 'raw'), join(folder, 'image')]);
    mkdirSync(join(folder, 'copy'));
    await copyFromDisk(join(folder, 'image'), ['/etc', '/var', '/home'], join(folder, 'copy'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('is copied without a mount, with the times of its files', async () => {
    const copy = join(folder, 'copy');
    assert.equal(readFileSync(join(copy, 'etc/hostname'), 'utf8'), 'localhost\n');
    assert.equal(Math.round(statSync(join(copy, 'etc/issue')).mtimeMs), LONG_AGO * 1000);
    const paths = (await listDiskFiles(copy)).map(({ path }) => path);
    assert.ok(paths.includes('/var/lib/dpkg/status') && !paths.includes('/usr/bin/other'));
  });

  it('shows what the machine of the build has left', async () => {
    const copy = join(folder, 'copy');
    const files = await listDiskFiles(copy);
    const left = ['/etc/own/.imagefactory.Ab12Cd', '/var/lib/systemd/random-seed', '/var/log/messages'];
    assert.deepEqual(listMachineFiles(files, (LONG_AGO + 50) * 1000), left);
    assert.deepEqual(await findTexts(copy, files, ['198.51.100.1']), ['/var/log/messages contains 198.51.100.1']);
  });

  it('without a Linux partition is an error', async () => {
    writeFileSync(join(folder, 'empty'), Buffer.alloc(MIB));
    await assert.rejects(copyFromDisk(join(folder, 'empty'), ['/etc'], join(folder, 'copy')), /no Linux partition/);
  });
});
