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

  it('does not begin in the middle of a character, and passes on whole characters', () => {
    const pieces: string[] = [];
    const tail = new OutputTail(4, (text) => pieces.push(text));
    for (const byte of Buffer.from('aä€')) tail.push(Buffer.from([byte]));
    assert.equal(tail.toString(), '€');
    assert.deepEqual(pieces, ['a', 'ä', '€']);
  });
});
