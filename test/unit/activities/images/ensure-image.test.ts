import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { ensureImage } from '../../../../src/activities/images/ensure-image.js';
import { parseDigest } from '../../../../src/domain/digest.js';
import { currentUploader } from '../../../../src/activities/images/uploader.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import { KEYS } from '../../../../src/domain/names.js';
import type { CreateImage, Image, ImageChange } from '../../../../src/openstack/types.js';
import { deriveUuid } from '../../../../src/planning/derive-uuid.js';

/** Milliseconds that an upload takes: far longer than a waiting run accepts without a sign of life. */
const LONG = 3_600_000;
const MINUTE = 60_000;

/**
 * A Glance with a mocked clock: each read of an image takes a minute, and an upload takes {@link LONG}. A Temporal
 * whose runs in `uploading` have a pending activity.
 */
class SlowGlance {
  readonly images = new Map<string, Image>();
  readonly deleted: string[] = [];
  readonly uploading = new Set<string>();

  private readonly port = {
    getImage: async (id: string) => {
      mock.timers.tick(MINUTE);
      return this.images.get(id);
    },
    createImage: async ({ id = '', properties }: CreateImage) => {
      if (this.images.has(id) || this.deleted.includes(id)) throw new FactoryError('Conflict', 'the id is used up');
      const image = { id, owner: 'p', status: 'queued', size: null, ...properties } as Image;
      this.images.set(id, image);
      return { ...image };
    },
    updateImage: async (id: string, changes: ImageChange[]) => {
      for (const { op, path, ...to } of changes) if (op === 'add') this.set(id, { [path.slice(1)]: (to as { value: string }).value }); // prettier-ignore
      return this.images.get(id);
    },
    deleteImage: async (id: string) => {
      this.images.delete(id);
      this.deleted.push(id);
    },
    uploadImage: async (id: string) => {
      if (this.images.get(id)?.status !== 'queued') throw new FactoryError('Conflict', 'not in queued');
      const done = Date.now() + LONG;
      this.set(id, { status: 'saving' });
      while (Date.now() < done) {
        await new Promise(setImmediate);
        mock.timers.tick(1000);
        if (!this.images.has(id)) throw new FactoryError('NotFound', 'gone');
      }
      this.set(id, { status: 'active', size: 7 });
    },
  };

  private readonly deps = {
    clouds: { get: () => ({ image: this.port, getProjectId: async () => 'p' }) },
    temporal: {
      workflow: {
        getHandle: (_id: string, runId: string) => ({
          describe: async () => ({
            raw: { pendingActivities: this.uploading.has(runId) ? [{ activityId: '1' }] : [] },
          }),
        }),
      },
    },
    pollInterval: 1,
  } as unknown as Deps;

  set(id: string, change: Record<string, unknown>): void {
    const image = this.images.get(id);
    if (image !== undefined) this.images.set(id, { ...image, ...change });
  }

  /** Puts the image of the first id there, as another attempt has left it. */
  putFirst(status: string, uploader: string): void {
    this.images.set(FIRST, { id: FIRST, owner: 'p', status, [KEYS.uploader]: uploader } as unknown as Image);
  }

  /** Calls `ensureImage` as activity 1 of a run, and marks the run as uploading. */
  async ensure(runId: string): Promise<string> {
    this.uploading.add(runId);
    const info = { workflowExecution: { workflowId: 'w', runId }, activityId: '1' };
    return new MockActivityEnvironment(info).run(() =>
      ensureImage(this.deps, 'c', {
        seed: 'media:iso:ff',
        request: {
          name: 'm',
          disk_format: 'iso',
          container_format: 'bare',
          properties: { [KEYS.uploader]: currentUploader() },
        },
        content: { size: 7, open: () => Readable.from(['content']) },
      }),
    );
  }
}

const FIRST = deriveUuid('p:media:iso:ff:0');

describe('an image that several runs want', () => {
  beforeEach(() => mock.timers.enable({ apis: ['Date'] }));
  afterEach(() => mock.timers.reset());

  it('is uploaded once, however long the upload takes: the other run waits as long as the uploader is alive', async () => {
    const glance = new SlowGlance();
    assert.deepEqual(await Promise.all([glance.ensure('a'), glance.ensure('b')]), [FIRST, FIRST]);
    assert.deepEqual(glance.deleted, []);
  });

  it('is created anew when its uploader has died', async () => {
    const glance = new SlowGlance();
    glance.putFirst('saving', 'dead/1/w');
    assert.equal(await glance.ensure('b'), deriveUuid('p:media:iso:ff:1'));
    assert.deepEqual(glance.deleted, [FIRST]);
  });

  it('is created anew when an earlier attempt of the same run was uploading it', async () => {
    const glance = new SlowGlance();
    glance.putFirst('saving', 'a/1/w');
    assert.equal(await glance.ensure('a'), deriveUuid('p:media:iso:ff:1'));
  });

  it('gets the name of its new uploader in place of the name of an uploader that has died', async () => {
    const glance = new SlowGlance();
    glance.putFirst('queued', 'dead/1/w');
    const a = glance.ensure('a');
    while (glance.images.get(FIRST)?.status === 'queued') await new Promise(setImmediate);
    assert.deepEqual(await Promise.all([a, glance.ensure('b')]), [FIRST, FIRST]);
    assert.match(String(glance.images.get(FIRST)?.[KEYS.uploader]), /^a\/1\/w$/);
  });
});

describe('an image that exists already', () => {
  beforeEach(() => mock.timers.enable({ apis: ['Date'] }));
  afterEach(() => mock.timers.reset());

  it('gets its id as a mark if release 0.1.0 has made it without that mark', async () => {
    const glance = new SlowGlance();
    glance.images.set(FIRST, { id: FIRST, owner: 'p', status: 'active', size: 7 } as unknown as Image);
    assert.equal(await glance.ensure('a'), FIRST);
    assert.equal(glance.images.get(FIRST)?.[KEYS.id], FIRST);
  });

  it('is not used when it belongs to another project', async () => {
    const glance = new SlowGlance();
    glance.images.set(FIRST, { id: FIRST, owner: 'q', status: 'active', size: 7 } as unknown as Image);
    const second = deriveUuid('p:media:iso:ff:1');
    assert.equal(await glance.ensure('a'), second);
    assert.equal(glance.images.get(second)?.[KEYS.id], second);
  });
});

describe('an id that is derived from a text', () => {
  it('is a UUID: equal for equal texts, different for different texts', () => {
    const id = deriveUuid('media:kernel:ff');
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(deriveUuid('media:kernel:ff'), id);
    assert.notEqual(deriveUuid('media:ramdisk:ff'), id);
  });
});

describe('a digest parameter', () => {
  it('is the name of an algorithm and as many hex digits as its digests have', () => {
    assert.deepEqual(parseDigest(`sha256:${'AB'.repeat(32)}`), { algorithm: 'sha256', value: 'ab'.repeat(32) });
    assert.throws(() => parseDigest(`sha512:${'ab'.repeat(32)}`), /is not a digest/);
    assert.throws(() => parseDigest('md5:ab'), /is not a digest/);
  });
});
