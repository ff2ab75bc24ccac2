import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSize } from '../../../src/tdl/size.js';
import { templateText, valid } from './support.js';

const SIZES: [text: string, bytes: bigint][] = [
  ['20', 20n * 1024n ** 3n],
  ['20G', 20n * 1024n ** 3n],
  ['20 GiB', 20n * 1024n ** 3n],
  ['20gib', 20n * 1024n ** 3n],
  ['20GB', 20_000_000_000n],
  ['1T', 1024n ** 4n],
  ['1TB', 1000n ** 4n],
  ['1TiB', 1024n ** 4n],
  ['4096B', 4096n],
  ['4096 b', 4096n],
  ['5kB', 5000n],
  ['5KiB', 5120n],
  ['500MB', 500_000_000n],
  ['500mib', 500n * 1024n ** 2n],
  ['2PB', 2n * 1000n ** 5n],
  ['2PiB', 2n * 1024n ** 5n],
  ['3EB', 3n * 1000n ** 6n],
  ['3EiB', 3n * 1024n ** 6n],
  ['10ZB', 10n * 1000n ** 7n],
  ['10ZiB', 10n * 1024n ** 7n],
  ['1YB', 1000n ** 8n],
  ['1YiB', 1024n ** 8n],
  [' 20 ', 20n * 1024n ** 3n],
  ['0', 0n],
];

for (const [text, bytes] of SIZES) {
  test(`${JSON.stringify(text)} is ${bytes} bytes`, () => {
    assert.deepEqual(parseSize(text), { bytes });
  });
}

const WRONG: [text: string, says: RegExp][] = [
  ['K', /not a size/],
  ['-1', /not a size/],
  ['1.5G', /not a size/],
  ['0x10', /not a size/],
  ['1e3', /not a size/],
  ['20 G iB', /not a size/],
  ['5K', /write 5kB .* or 5KiB/],
  ['5m', /write 5MB .* or 5MiB/],
  ['5P', /5PB/],
  ['5iB', /not a unit/],
  ['5I', /not a unit/],
  ['5GiBs', /not a unit/],
  ['9'.repeat(31), /30 digits/],
];

for (const [text, says] of WRONG) {
  test(`${JSON.stringify(text)} is not a size`, () => {
    const result = parseSize(text);
    assert.ok('wrong' in result);
    assert.match(result.wrong, says);
  });
}

test('a size beyond 2^53 keeps every digit', () => {
  assert.equal(valid(templateText({ rest: '<disk><size>10ZB</size></disk>' })).diskSize, '10000000000000000000000');
});

test('an empty size is undefined', () => {
  assert.equal(valid(templateText({ rest: '<disk><size> </size></disk>' })).diskSize, undefined);
});
