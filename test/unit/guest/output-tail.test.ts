import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OutputTail } from '../../../src/guest/output-tail.js';

describe('OutputTail', () => {
  it('keeps only the last bytes of a long output', () => {
    const tail = new OutputTail(10);
    for (let number = 0; number < 1000; number++) tail.push(Buffer.from(`${number}\n`));
    assert.equal(tail.toString(), '7\n998\n999\n');
  });

  it('keeps everything that is not more than its limit', () => {
    const tail = new OutputTail(10);
    tail.push(Buffer.from('0123456789'));
    assert.equal(tail.toString(), '0123456789');
    assert.equal(new OutputTail(10).toString(), '');
  });

  it('keeps the same bytes, however the output is cut into chunks', () => {
    const output = Array.from({ length: 30_000 }, (_none, index) => `${index}\n`).join('');
    for (const size of [1, 7, 4095, 4096, 5000, 10_000, 10_001, output.length]) {
      const tail = new OutputTail(10_000);
      for (let at = 0, number = 0; at < output.length; at += size, number++) {
        tail.push(Buffer.from(output.slice(at, at + size)));
        if (number < 50) assert.equal(tail.toString(), output.slice(0, at + size).slice(-10_000));
      }
      assert.equal(tail.toString(), output.slice(-10_000));
      assert.equal(tail.size, output.length);
    }
  });

  it('does not begin in the middle of a character, and passes on whole characters', () => {
    const pieces: string[] = [];
    const tail = new OutputTail(4, (text) => pieces.push(text));
    for (const byte of Buffer.from('aä€')) tail.push(Buffer.from([byte]));
    assert.equal(tail.toString(), '€');
    assert.deepEqual(pieces, ['a', 'ä', '€']);
  });
});
