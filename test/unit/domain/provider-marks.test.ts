import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMarked, isMarkedAs, marksOfPushed } from '../../../src/domain/provider-marks.js';

const image = { uuid: 'b5a1d0c4-0000-4000-8000-000000000001', file: { sha512: 'ab'.repeat(64) } };

describe('the marks of what a push makes', () => {
  const marks = marksOfPushed(image, 'host:1');

  it('tell the image and its bytes', () => {
    assert.deepEqual(marks, {
      imagefactory_tool: 'imagefactory-nova',
      imagefactory_image: image.uuid,
      imagefactory_source: 'ab'.repeat(16),
      imagefactory_creator: 'host:1',
    });
    assert.equal(isMarkedAs(marks, image), true);
  });

  it('do not belong to the same image with other bytes', () => {
    const other = { ...image, file: { sha512: 'cd'.repeat(64) } };
    assert.equal(isMarkedAs(marks, other), false);
    assert.equal(isMarked(marks, image.uuid), true);
  });

  it('do not belong to what somebody else has made', () => {
    assert.equal(isMarked({ imagefactory_image: image.uuid }, image.uuid), false);
    assert.equal(isMarked({}, image.uuid), false);
  });
});
