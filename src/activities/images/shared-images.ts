import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { type Deps, cancellationSignal, sleep } from '../shared/context.js';

/**
 * The key property of an image that builds share: a JEOS, a prepared image or an installer medium. Builds claim such
 * images and the sweeper removes them, without a lock. A build that claims an image writes the time to it, and then
 * checks whether the image still has its key. The sweeper removes the key, and then checks whether the time has
 * changed. So the one that writes last sees what the other has written.
 */
type SharedKey = typeof KEYS.jeos | typeof KEYS.prepared | typeof KEYS.media;

/**
 * Claims an image for a build. Returns false when the image has lost its key or is gone: then the build must find
 * another image.
 */
export async function claimImage(deps: Deps, cloud: string, imageId: string, key: SharedKey): Promise<boolean> {
  try {
    const image = await deps.clouds
      .get(cloud)
      .image.updateImage(imageId, [{ op: 'add', path: `/${KEYS.used}`, value: new Date().toISOString() }], {
        signal: cancellationSignal(),
      });
    return image[key] !== undefined;
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    if (error.type === 'NotFound') return false;
    // The cloud's policy does not let us change the image, so we cannot write the claim. This is safe, because the
    // sweeper cannot remove such an image: it would have to change the image first.
    if (error.type === 'Forbidden') return true;
    throw error;
  }
}

/**
 * Milliseconds that the sweeper waits after it has removed the key and before it checks for a claim. In this time,
 * Glance completes a claim that a build had sent shortly before. Glance writes all properties of an image at once.
 */
const CLAIM_SHOWS = 2000;

/** Removes a shared image. Returns false when a build claims the image at the same time; then the image stays. */
export async function removeSharedImage(deps: Deps, cloud: string, before: Image, key: SharedKey): Promise<boolean> {
  const { image } = deps.clouds.get(cloud);
  const options = { signal: cancellationSignal() };
  const value = before[key];
  const restore = (): Promise<unknown> =>
    image.updateImage(before.id, [{ op: 'add', path: `/${key}`, value }], options);
  // An image without a key was left by an interrupted sweep. Since then, no build can have claimed the image, so we
  // delete it without this check.
  if (value !== undefined) {
    await image.updateImage(before.id, [{ op: 'remove', path: `/${key}` }], options);
    await sleep(Math.min(CLAIM_SHOWS, deps.pollInterval * 2));
    const now = await image.getImage(before.id, options);
    if (now !== undefined && now[KEYS.used] !== before[KEYS.used]) {
      await restore();
      return false;
    }
  }
  try {
    await image.deleteImage(before.id, options);
  } catch (error) {
    // Glance refuses to delete an image while its storage uses copies of it. The image gets its key again, so that
    // builds can continue to use it.
    if (value !== undefined) await restore();
    throw error;
  }
  return true;
}
