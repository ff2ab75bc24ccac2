import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTargetParameters } from '../../../src/domain/target-image-input.js';

describe('the parameters of a target image', () => {
  it('may choose the compression and the verification', () => {
    assert.deepEqual(parseTargetParameters({}), {});
    assert.deepEqual(parseTargetParameters({ verify: 'boot', compression: 'zstd' }), {
      verify: 'boot',
      compression: 'zstd',
    });
  });

  it('are refused when a name or a value is unknown, with what is known', () => {
    assert.throws(() => parseTargetParameters({ verfy: 'boot' }), {
      message: 'a target image has no parameter "verfy"',
      hint: 'the parameters of a target image are: compression, verify',
    });
    assert.throws(() => parseTargetParameters({ verify: 'start' }), {
      message: 'verify cannot be "start"',
      hint: 'verify is one of: compare, boot',
    });
    assert.throws(() => parseTargetParameters({ toString: 'x' }), /has no parameter "toString"/);
  });
});
