import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { listSnapshotRemovals, updateImageProperties } from '../../../../src/activities/images/image-properties.js';
import type { Deps } from '../../../../src/activities/shared/context.js';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { Image, ImageChange } from '../../../../src/openstack/types.js';

const NAME: ImageChange = { op: 'replace', path: '/name', value: 'debian-base' };
const REMOVAL: ImageChange = { op: 'remove', path: '/image_type' };

describe('the properties of a snapshot', () => {
  const snapshot = {
    id: 'i',
    hw_disk_bus: 'virtio',
    os_distro: 'debian',
    base_image_ref: 'b',
    instance_uuid: 's',
    user_id: 'u',
  } as unknown as Image;

  it('are removed, and those that an instance needs to boot stay', () => {
    const paths = listSnapshotRemovals(snapshot, {}).map(({ path }) => path);
    assert.deepEqual(paths, ['/base_image_ref', '/instance_uuid', '/user_id']);
  });

  it('stay when the build sets them itself', () => {
    assert.deepEqual(listSnapshotRemovals(snapshot, { user_id: 'u', base_image_ref: 'b' }).length, 1);
  });
});

describe('the update of an image', () => {
  /** Updates an image in a cloud that answers with these errors, and returns the changes of each call. */
  async function update(optional: ImageChange[], ...errors: (FactoryError | undefined)[]): Promise<ImageChange[][]> {
    const calls: ImageChange[][] = [];
    const updateImage = async (_id: string, changes: ImageChange[]): Promise<Image> => {
      const error = errors[calls.length];
      calls.push(changes);
      if (error !== undefined) throw error;
      return { id: 'i' } as Image;
    };
    const deps = { clouds: { get: () => ({ image: { updateImage } }) } } as unknown as Deps;
    const image = { id: 'i' } as Image;
    const run = (): Promise<Image> => updateImageProperties(deps, 'c', image, [NAME], optional);
    await new MockActivityEnvironment().run(run);
    return calls;
  }
  const forbidden = new FactoryError('Forbidden', 'the property is protected');

  it('is one call', async () => {
    assert.deepEqual(await update([REMOVAL]), [[NAME, REMOVAL]]);
  });

  it('is tried without the optional changes when the cloud forbids one, so that no image is lost for them', async () => {
    assert.deepEqual(await update([REMOVAL], forbidden), [[NAME, REMOVAL], [NAME]]);
  });

  it('fails when the cloud forbids a change that is necessary', async () => {
    await assert.rejects(update([REMOVAL], forbidden, forbidden), forbidden);
    await assert.rejects(update([], forbidden), forbidden);
  });
});
