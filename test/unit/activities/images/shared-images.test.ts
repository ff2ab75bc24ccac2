import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { claimImage, removeSharedImage } from '../../../../src/activities/images/shared-images.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import { KEYS } from '../../../../src/domain/names.js';
import type { Image, ImageChange, Images } from '../../../../src/openstack/types.js';

/** A Glance with one image. A test can set a function in `before` that runs once before a call. */
class OneImage {
  image: Record<string, unknown> | undefined = { id: 'i', [KEYS.jeos]: 'digest', [KEYS.used]: 'then' };
  before: Partial<Record<'update' | 'get' | 'delete', () => Promise<void> | void>> = {};

  readonly deps: Deps = {
    clouds: { get: () => ({ image: this.port() }), names: () => [], close: async () => {} },
    pollInterval: 1,
  } as unknown as Deps;

  private async happens(call: 'update' | 'get' | 'delete'): Promise<void> {
    const event = this.before[call];
    delete this.before[call];
    await event?.();
  }

  private port(): Partial<Images> {
    return {
      getImage: async () => {
        await this.happens('get');
        return this.image as Image | undefined;
      },
      updateImage: async (_id: string, changes: ImageChange[]) => {
        await this.happens('update');
        if (this.image === undefined) throw new FactoryError('NotFound', 'no such image');
        const changed = { ...this.image };
        for (const change of changes) {
          if (change.op === 'remove') delete changed[change.path.slice(1)];
          else changed[change.path.slice(1)] = change.value;
        }
        this.image = changed;
        return changed as Image;
      },
      deleteImage: async () => {
        await this.happens('delete');
        this.image = undefined;
      },
    };
  }

  claim(): Promise<boolean> {
    return new MockActivityEnvironment().run(() => claimImage(this.deps, 'c', 'i', KEYS.jeos));
  }

  remove(before = this.image): Promise<boolean> {
    return new MockActivityEnvironment().run(() => removeSharedImage(this.deps, 'c', before as Image, KEYS.jeos));
  }
}

describe('a shared image that a build chooses while the sweeper removes it', () => {
  it('stays, with its key property, when the build chose it first', async () => {
    const glance = new OneImage();
    const seen = glance.image;
    assert.equal(await glance.claim(), true);
    assert.equal(await glance.remove(seen), false);
    assert.equal(glance.image?.[KEYS.jeos], 'digest');
  });

  it('stays and gets its key property back when the build claims it just after the sweeper removed that property', async () => {
    const glance = new OneImage();
    let claimed: boolean | undefined;
    glance.before.get = async () => {
      claimed = await glance.claim();
    };
    assert.equal(await glance.remove(), false);
    // The claim fails, so the build looks for another image. That does no harm.
    assert.equal(claimed, false);
    assert.equal(glance.image?.[KEYS.jeos], 'digest');
  });

  it('is not chosen when the sweeper has already removed its key property', async () => {
    const glance = new OneImage();
    let claimed: boolean | undefined;
    glance.before.delete = async () => {
      claimed = await glance.claim();
    };
    assert.equal(await glance.remove(), true);
    assert.equal(claimed, false);
    assert.equal(await glance.claim(), false);
  });
});

describe('removing a shared image', () => {
  it('restores the key property when Glance refuses to delete the image', async () => {
    const glance = new OneImage();
    glance.before.delete = () => {
      throw new FactoryError('Conflict', 'image i is in use');
    };
    await assert.rejects(glance.remove(), /in use/);
    assert.equal(glance.image?.[KEYS.jeos], 'digest');
  });

  it('deletes the image when an interrupted sweep has already removed the key property', async () => {
    const glance = new OneImage();
    delete glance.image?.[KEYS.jeos];
    assert.equal(await glance.remove(), true);
    assert.equal(glance.image, undefined);
  });
});

describe('choosing an image that the cloud’s policy does not let us change', () => {
  it('succeeds although Glance refuses to record the use on the image', async () => {
    const glance = new OneImage();
    glance.before.update = () => {
      throw new FactoryError('Forbidden', 'not permitted');
    };
    assert.equal(await glance.claim(), true);
  });
});
