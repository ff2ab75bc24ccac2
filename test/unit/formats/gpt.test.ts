import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { convertDisk } from '../../../src/formats/index.js';
import { planGptMove } from '../../../src/formats/disk/gpt.js';
import { makeDisk, makeFolder, makeOptions, MIB, noQemu } from './disks.js';

const SFDISK = '/usr/sbin/sfdisk';
const skip = noQemu || (existsSync(SFDISK) ? false : `there is no ${SFDISK}`);
const folder = makeFolder();

/** Returns what sfdisk says of a disk's partition table, on both of its outputs. */
function verify(path: string): string {
  return execFileSync('sh', ['-c', `${SFDISK} --verify "$0" 2>&1; ${SFDISK} --dump "$0" 2>&1`, path], {
    encoding: 'utf8',
  });
}

describe('the partition table of a disk that was padded', { skip }, () => {
  it('has its backup at the new end', async () => {
    const source = makeDisk(folder, { label: 'gpt' });
    const before = readFileSync(source.path.replace('.qcow2', '.raw'));
    const { path, verifiedBy } = await convertDisk(source, 'raw', makeOptions(folder));
    const after = readFileSync(path);
    assert.match(verify(path), /No errors detected/);
    assert.doesNotMatch(verify(path), /backup|mismatch|corrupt/i);
    assert.match(verifiedBy, /GPT’s backup was moved to the new end/);
    assert.equal(after.toString('latin1', 65 * MIB - 512, 65 * MIB - 504), 'EFI PART');
    assert.equal(after.readUInt32LE(446 + 12), (65 * MIB) / 512 - 1);
    // Everything between the primary header and the old end is as it was.
    assert.ok(after.subarray(1024, before.length).equals(before.subarray(1024)));
    assert.equal(/last-lba: (\d+)/.exec(verify(path))?.[1], String((65 * MIB) / 512 - 34));
  });

  it('stays as it is if it is an MBR', async () => {
    const source = makeDisk(folder, { label: 'dos' });
    const { path, verifiedBy } = await convertDisk(source, 'raw', makeOptions(folder));
    assert.doesNotMatch(verifiedBy, /GPT/);
    assert.match(verify(path), /No errors detected/);
    const before = readFileSync(source.path.replace('.qcow2', '.raw'));
    assert.ok(readFileSync(path).subarray(0, before.length).equals(before));
  });

  it('stays as it is on a disk whose size needs no padding', async () => {
    const source = makeDisk(folder, { label: 'gpt', size: 64 * MIB });
    const { path } = await convertDisk(source, 'raw', makeOptions(folder));
    assert.ok(readFileSync(path).equals(readFileSync(source.path.replace('.qcow2', '.raw'))));
  });

  it('stays as it is if its header or its entries are damaged', () => {
    const head = readFileSync(makeDisk(folder, { label: 'gpt' }).path.replace('.qcow2', '.raw')).subarray(0, MIB);
    assert.notEqual(planGptMove(head, 65 * MIB), undefined);
    for (const at of [512, 512 + 20, 512 + 60, 1024 + 5]) {
      const damaged = Buffer.from(head);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      assert.equal(planGptMove(damaged, 65 * MIB), undefined, `byte ${at}`);
    }
    assert.equal(planGptMove(Buffer.alloc(MIB), 65 * MIB), undefined);
    assert.equal(planGptMove(Buffer.alloc(100), 65 * MIB), undefined);
  });
});
