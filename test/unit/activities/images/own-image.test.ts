import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeCapture, isOwnImage } from '../../../../src/activities/images/own-image.js';
import { KEYS, marksOf, type BuildRef } from '../../../../src/domain/names.js';
import type { Image } from '../../../../src/openstack/types.js';

const REF: BuildRef = { uuid: 'bdd32b97-0e94-473a-b376-74d2da289a2c', cloud: 'c', workflowId: 'w' };

/** Creates a published image of project `p`, with changes. */
function image(change: Record<string, unknown> = {}): Image {
  const marks = { ...marksOf(REF, 'base', 'me'), [KEYS.id]: 'i' };
  return { id: 'i', owner: 'p', name: 'mine', ...marks, ...change } as unknown as Image;
}

/** Creates the image of a capture that is in progress, with changes. */
function capture(source: 'instance' | 'volume', change: Record<string, unknown> = {}): Image {
  const { name, marks } = describeCapture({ identity: 'me' }, { ref: REF, role: 'base' }, source, 's');
  const more = source === 'instance' ? { instance_uuid: 's' } : {};
  return image({ name, ...marks, ...more, ...change });
}

describe('an image is ours', () => {
  it('when it carries its own id', () => {
    assert.equal(isOwnImage(image(), 'p'), true);
  });

  it('when it is a capture of our instance or our volume that is not published yet', () => {
    assert.equal(isOwnImage(capture('instance'), 'p'), true);
    assert.equal(isOwnImage(capture('volume'), 'p'), true);
    // Our root volume was copied from a snapshot of another instance. So the image of the volume carries that
    // instance's `instance_uuid`, but it is still ours.
    assert.equal(isOwnImage(capture('volume', { instance_uuid: 'other' }), 'p'), true);
  });
});

describe('an image is not ours', () => {
  const others: Record<string, Image> = {
    'when it carries the id of another image, as a user’s snapshot does': image({ id: 'copy', instance_uuid: 'mine' }),
    'when it carries no id': image({ [KEYS.id]: undefined }),
    'when it belongs to another project': image({ owner: 'q' }),
    'when it does not name our tool': image({ [KEYS.tool]: undefined }),
    'when it is a user’s snapshot of our instance': capture('instance', { name: 'mine' }),
    'when it is a snapshot of another instance than ours': capture('instance', { instance_uuid: 'other' }),
    'when Nova has not made it, although its marks name an instance': capture('instance', { instance_uuid: undefined }),
    'when it is a user’s image of a copy of our volume': capture('volume', { name: 'mine' }),
    'when its name is that of another build’s capture': capture('volume', { [KEYS.build]: 'another' }),
  };
  for (const [why, other] of Object.entries(others)) {
    it(why, () => assert.equal(isOwnImage(other, 'p'), false));
  }
});
