import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseMicroversion, NEWEST } from '../../../../src/openstack/compute/microversion.js';

describe('the microversion for Nova', () => {
  it('is the newest that we support, when Nova supports newer ones', () => {
    assert.equal(chooseMicroversion('2.1', '2.100', 'prod'), NEWEST);
    assert.equal(chooseMicroversion('2.1', NEWEST, 'prod'), NEWEST);
  });

  it('is the newest that Nova supports, when it has all that we need', () => {
    assert.equal(chooseMicroversion('2.1', '2.79', 'prod'), '2.79');
    assert.equal(chooseMicroversion('2.1', '2.52', 'prod'), '2.52');
  });

  it('is an error that names the missing features when Nova is too old', () => {
    assert.throws(
      () => chooseMicroversion('2.1', '2.51', 'prod'),
      /too old \(newest microversion 2\.51\)\. It does not support: tags in the request/,
    );
    assert.throws(
      () => chooseMicroversion('2.1', '2.9', 'prod'),
      /It does not support: filtering servers by tag, the image id in the response/,
    );
  });

  it('is an error when Nova no longer supports any microversion that we support', () => {
    assert.throws(() => chooseMicroversion('2.94', '2.110', 'prod'), /needs microversion 2\.94 or newer/);
    assert.throws(() => chooseMicroversion('3.0', '3.5', 'prod'), /needs microversion 3\.0 or newer/);
  });
});
