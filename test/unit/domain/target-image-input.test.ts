import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainUnusableBase } from '../../../src/domain/base-of-target.js';
import {
  changeTargetParameters,
  divideParameters,
  parseTargetParameters,
} from '../../../src/domain/target-image-input.js';
import { deriveTargetUuid } from '../../../src/planning/target-uuid.js';

describe('the parameters of a target image', () => {
  it('are checked by name and value', () => {
    const given = { compression: 'zstd', on_error: 'HOLD', hold_for: '60' };
    assert.deepEqual(parseTargetParameters(given), { compression: 'zstd', on_error: 'hold', hold_for: 60 });
    assert.deepEqual(parseTargetParameters({}), {});
    assert.throws(() => parseTargetParameters({ flavor: '2' }), {
      message: 'a target image has no parameter "flavor"',
    });
    assert.throws(() => parseTargetParameters({ compression: 'xz' }), { message: 'compression cannot be "xz"' });
    assert.throws(() => parseTargetParameters({ verify: 'start' }), {
      message: 'verify cannot be "start"',
      hint: 'verify is one of: compare, boot',
    });
    assert.throws(() => parseTargetParameters({ toString: 'x' }), /has no parameter "toString"/);
    assert.throws(() => parseTargetParameters({ hold_for: 'long' }), {
      message: /hold_for: "long" is not a whole number/,
    });
    assert.throws(() => parseTargetParameters({ on_error: 'keep' }), { message: /no resources to keep/ });
  });

  it('are divided from those of the base image; both have on_error and hold_for', () => {
    assert.deepEqual(divideParameters({ flavor: '2', compression: 'zlib', on_error: 'hold', hold_for: 9 }), {
      base: { flavor: '2', on_error: 'hold', hold_for: 9 },
      target: { compression: 'zlib', on_error: 'hold', hold_for: 9 },
    });
    // Only a base image has resources to keep.
    assert.deepEqual(divideParameters({ on_error: 'keep' }), { base: { on_error: 'keep' }, target: {} });
    assert.throws(() => divideParameters({ compression: 'xz' }), { message: 'compression cannot be "xz"' });
  });

  it('can change in a resumed build only where the image stays the same', () => {
    const current = { compression: 'zstd', on_error: 'hold' } as const;
    assert.deepEqual(changeTargetParameters(current, { parameters: { on_error: 'cleanup', compression: 'zstd' } }), {
      compression: 'zstd',
      on_error: 'cleanup',
    });
    assert.deepEqual(changeTargetParameters({}, { parameters: { compression: 'none' } }), { compression: 'none' });
    assert.throws(() => changeTargetParameters(current, { parameters: { compression: 'none' } }), {
      message: 'another value of compression makes another image',
    });
    assert.throws(() => changeTargetParameters(current, { template: '<template/>' }), { message: /has no template/ });
  });
});

describe('the UUID of a target image', () => {
  const baseImage = 'bdd32b97-0e94-473a-b376-74d2da289a2c';
  const first = deriveTargetUuid({ baseImage, target: 'libvirt', parameters: {} });

  it('is the same for the same base image, target and image, however the build is run', () => {
    assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const parameters = { compression: 'none', on_error: 'hold', hold_for: 60 } as const;
    assert.equal(deriveTargetUuid({ baseImage, target: 'libvirt', parameters }), first);
  });

  it('differs with the base image, the target and the parameters of the image', () => {
    const others = [
      { baseImage: '6f1ed002-ab5b-4a3c-9a5e-6cf9a0f1a3a1', target: 'libvirt', parameters: {} },
      { baseImage, target: 'vsphere', parameters: {} },
      { baseImage, target: 'libvirt', parameters: { compression: 'zstd' } as const },
    ];
    assert.equal(new Set([first, ...others.map(deriveTargetUuid)]).size, 4);
  });
});

describe('an image from which no target image can be made', () => {
  const identifier = 'u';

  it('is explained by its kind and its state', () => {
    assert.equal(explainUnusableBase({ identifier, type: 'BaseImage', status: 'COMPLETE' }), undefined);
    const target = explainUnusableBase({ identifier, type: 'TargetImage', status: 'COMPLETE', base_image_id: 'b' });
    assert.deepEqual([target?.why, target?.hint], ['other kind', 'target images are made from base images, such as b']);
    for (const status of ['NEW', 'BUILDING', 'HELD'] as const) {
      assert.equal(explainUnusableBase({ identifier, status })?.why, 'unfinished');
    }
    assert.match(explainUnusableBase({ identifier, status: 'FAILED' })?.hint ?? '', /imagefactory resume u/);
    assert.equal(explainUnusableBase({ identifier, status: 'CANCELED' })?.why, 'failed');
  });
});
