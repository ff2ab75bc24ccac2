import { KEYS, marksOf, tagsOf, type BuildRef } from '../../domain/names.js';
import type { PreparedImageInput } from '../../domain/prepared-image.js';
import type { ImageChange } from '../../openstack/types.js';
import {
  buildPropertyChanges,
  describeBuild,
  getExistingImage,
  listSnapshotRemovals,
  updateImageProperties,
} from '../images/image-properties.js';
import type { Deps } from '../shared/context.js';

export interface PublishPreparedInput extends Pick<PreparedImageInput, 'digest' | 'base'> {
  ref: BuildRef;
  imageId: string;
}

/** Turns a snapshot into a prepared image, which target images find by its digest. */
export async function publishPrepared(deps: Deps, { ref, imageId, digest, base }: PublishPreparedInput): Promise<void> {
  const image = await getExistingImage(deps, ref.cloud, imageId);
  const wanted = {
    ...marksOf(ref, 'prepared', deps.identity),
    [KEYS.id]: imageId,
    [KEYS.prepared]: digest,
    [KEYS.base]: base.uuid,
    [KEYS.template]: base.name,
    ...describeBuild(deps, image),
  };
  const changes: ImageChange[] = [
    ...buildPropertyChanges(image, wanted, []),
    { op: 'replace', path: '/name', value: `${base.name}-prepared` },
    { op: 'replace', path: '/tags', value: tagsOf(ref, 'prepared') },
  ];
  await updateImageProperties(deps, ref.cloud, image, changes, listSnapshotRemovals(image, wanted));
}
