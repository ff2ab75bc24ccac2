import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';

/**
 * Returns the digest of a medium's bytes under the medium's name, as `sha256:<hex>`. Takes it from our mark on the
 * medium's image, else from Glance. Empty when neither has one.
 */
export function listMediumDigest(name: string, image: Image): Record<string, string> {
  const mark = image[KEYS.media];
  if (typeof mark === 'string' && mark.startsWith('sha256:')) return { [name]: mark };
  const { os_hash_algo: algorithm, os_hash_value: value } = image;
  return algorithm && value ? { [name]: `${algorithm}:${value}` } : {};
}
