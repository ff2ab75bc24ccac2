import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { HEADER_BYTES, readQcow2Header, recogniseFormat } from '../../../src/formats/index.js';
import { createQcow2 } from '../../fakes/openstack/guests/qcow2.js';
import { makeFolder, noQemu, run } from './disks.js';

const folder = makeFolder();
const SIZE = 64n * 1024n ** 2n;

function changed(change: (header: Buffer) => void): Buffer {
  const header = createQcow2(SIZE).subarray(0, HEADER_BYTES);
  change(header);
  return header;
}

describe('the header of a disk', () => {
  for (const [qemuName, options, format] of [
    ['qcow2', [], 'qcow2'],
    ['vmdk', ['-o', 'subformat=streamOptimized'], 'vmdk'],
    ['vmdk', ['-o', 'subformat=monolithicFlat'], undefined],
    ['vhdx', [], 'vhdx'],
    ['vdi', [], 'vdi'],
    ['vpc', [], 'vpc'],
    ['luks', ['--object', 'secret,id=s,data=word', '-o', 'key-secret=s,iter-time=10'], undefined],
  ] as const) {
    it(`tells ${format ?? 'no format'} for ${qemuName} ${options.join(' ')}`, { skip: noQemu }, () => {
      const path = join(folder, `disk.${qemuName}${options.length}`);
      run('qemu-img', 'create', '-q', '-f', qemuName, ...options, path, '64M');
      assert.equal(recogniseFormat(readFileSync(path).subarray(0, HEADER_BYTES)), format);
    });
  }

  it('tells raw by the boot sector only, and by nothing else', () => {
    const sector = Buffer.alloc(HEADER_BYTES);
    assert.equal(recogniseFormat(sector), undefined);
    sector.writeUInt16LE(0xaa55, 510);
    assert.equal(recogniseFormat(sector), 'raw');
    sector.write('QFI\xfb', 'latin1');
    assert.equal(recogniseFormat(sector), 'qcow2');
    assert.equal(recogniseFormat(Buffer.from('short')), undefined);
    assert.equal(recogniseFormat(Buffer.alloc(0)), undefined);
  });

  it('says how large a qcow2 is, and that there is no reason to refuse it', () => {
    assert.deepEqual(readQcow2Header(changed(() => {})), { virtualSize: SIZE }); // prettier-ignore
    assert.equal(readQcow2Header(Buffer.from('QFI\xfb', 'latin1')), undefined);
  });

  for (const [what, change, refusal] of [
    ['a backing file', (header: Buffer) => header.writeBigUInt64BE(512n, 8), 'it has a backing file'],
    ['encryption (AES)', (header: Buffer) => header.writeUInt32BE(1, 32), 'it is encrypted'],
    ['encryption (LUKS)', (header: Buffer) => header.writeUInt32BE(2, 32), 'it is encrypted'],
    ['a data file', (header: Buffer) => header.writeBigUInt64BE(4n, 72), 'its data are in another file'],
    ['an unknown version', (header: Buffer) => header.writeUInt32BE(4, 4), 'its version of qcow2 is 4, not 2 or 3'],
  ] as const) {
    it(`refuses a qcow2 with ${what}`, () => {
      assert.equal(readQcow2Header(changed(change))?.refusal, refusal);
    });
  }
});
