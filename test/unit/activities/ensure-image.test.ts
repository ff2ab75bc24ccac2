import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uuidOf } from '../../../src/activities/ensure-image.js';
import { parseDigest } from '../../../src/activities/medium.js';

describe('an image’s own id', () => {
  it('is a UUID, the same for the same text and another for another', () => {
    const id = uuidOf('media:kernel:ff');
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(uuidOf('media:kernel:ff'), id);
    assert.notEqual(uuidOf('media:ramdisk:ff'), id);
  });
});

describe('a digest parameter', () => {
  it('is an algorithm and as many hex digits as that has', () => {
    assert.deepEqual(parseDigest(`sha256:${'AB'.repeat(32)}`), { algorithm: 'sha256', value: 'ab'.repeat(32) });
    assert.throws(() => parseDigest(`sha512:${'ab'.repeat(32)}`), /is not a digest/);
    assert.throws(() => parseDigest('md5:ab'), /is not a digest/);
  });
});
