import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defined } from '../../../src/domain/defined.js';

describe('properties that are undefined', () => {
  it('are left out, so that a spread does not overwrite a value', () => {
    const size: number | undefined = undefined;
    assert.deepEqual({ size: 5, ...defined({ size, name: 'disk' }) }, { size: 5, name: 'disk' });
    assert.deepEqual(Object.keys(defined({ size })), []);
  });

  it('are left out, but null, zero, false and the empty string are kept', () => {
    assert.deepEqual(defined({ a: null, b: 0, c: false, d: '' }), { a: null, b: 0, c: false, d: '' });
  });

  it('are optional in the type of the copy', () => {
    const given: { id: string; size: number | undefined } = { id: 'a', size: 3 };
    const copy: { id: string; size?: number } = defined(given);
    assert.deepEqual(copy, { id: 'a', size: 3 });
  });
});
