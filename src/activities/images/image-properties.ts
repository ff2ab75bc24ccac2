import { FactoryError } from '../../domain/errors.js';
import { KEYS, MARK } from '../../domain/names.js';
import type { Image, ImageChange } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';

/**
 * Property that Cinder adds to each image that it makes from a volume. We remove it, because Cinder cannot make a
 * volume from an image that has this property.
 */
const CINDER_PROPERTY = 'signature_verified';

/**
 * Properties that Nova writes into the image of a snapshot. They describe the instance and its user, and no instance
 * that boots from the image needs them. Nova's code: `create_image` in compute/utils.py, the instance's
 * `system_metadata` in compute/api.py and compute/manager.py, `_create_snapshot_metadata` in virt/libvirt/driver.py,
 * and the instance's password in api/metadata/password.py.
 */
const SNAPSHOT_PROPERTIES: readonly string[] = [
  'base_image_ref',
  'boot_roles',
  'clean_attempts',
  'image_location',
  'image_state',
  'image_type',
  'instance_owner',
  'instance_uuid',
  'locked_reason',
  'network_allocated',
  'old_vm_state',
  'owner_id',
  'owner_project_name',
  'owner_user_name',
  'password_0',
  'password_1',
  'password_2',
  'password_3',
  'user_id',
];

/** Lists the changes that remove Nova's properties of a snapshot from an image, except those in `wanted`. */
export function listSnapshotRemovals(image: Image, wanted: Record<string, string>): ImageChange[] {
  return SNAPSHOT_PROPERTIES.filter((name) => image[name] !== undefined && !(name in wanted)).map(removalOf);
}

/**
 * Builds the changes that give an image the `wanted` properties. They also remove the `stripped` properties, Cinder's
 * property and all of imagefactory's own properties, except those in `wanted`.
 */
export function buildPropertyChanges(image: Image, wanted: Record<string, string>, stripped: string[]): ImageChange[] {
  const ours = Object.keys(image).filter((name) => name.startsWith(`${MARK}_`));
  const unwanted = new Set(
    [...stripped, CINDER_PROPERTY, ...ours].filter((name) => image[name] !== undefined && !(name in wanted)),
  );
  const set: ImageChange[] = Object.entries(wanted)
    .filter(([name, value]) => image[name] !== value)
    .map(([name, value]) => ({ op: image[name] === undefined ? 'add' : 'replace', path: `/${name}`, value }));
  return [...[...unwanted].map(removalOf), ...set];
}

function removalOf(name: string): ImageChange {
  return { op: 'remove', path: `/${name}` };
}

/**
 * Builds the properties that say when an image was built, and by which version of imagefactory. The time is that of
 * the capture. It is not the time of the call, so that a repeated publication writes the same value.
 */
export function describeBuild(
  { release }: Pick<Deps, 'release'>,
  { created_at: capturedAt }: Image,
): Record<string, string> {
  return { [KEYS.builtAt]: `${new Date(capturedAt).toISOString().slice(0, 19)}Z`, [KEYS.version]: release };
}

export async function getExistingImage(deps: Deps, cloud: string, imageId: string): Promise<Image> {
  const image = await deps.clouds.get(cloud).image.getImage(imageId, { signal: cancellationSignal() });
  if (image !== undefined) return image;
  throw imageGoneError(imageId);
}

function imageGoneError(imageId: string, cause?: unknown): FactoryError {
  return new FactoryError('ImageFailed', `image ${imageId} is gone: it was deleted outside of the build`, { cause });
}

/**
 * Changes an image in one call.
 *
 * @param optional changes that are left out if the cloud forbids them, because its operator can protect properties
 *   (https://docs.openstack.org/glance/latest/admin/property-protections.html). Default: none.
 */
export async function updateImageProperties(
  deps: Deps,
  cloud: string,
  image: Image,
  changes: ImageChange[],
  optional: ImageChange[] = [],
): Promise<Image> {
  const all = [...changes, ...optional];
  if (all.length === 0) return image;
  reportProgress({ message: `setting ${all.length} properties of image ${image.id}` });
  try {
    return await deps.clouds.get(cloud).image.updateImage(image.id, all, { signal: cancellationSignal() });
  } catch (error) {
    const isForbidden = error instanceof FactoryError && error.type === 'Forbidden';
    if (isForbidden && optional.length > 0) return updateImageProperties(deps, cloud, image, changes);
    throw error instanceof FactoryError && error.type === 'NotFound' ? imageGoneError(image.id, error) : error;
  }
}
