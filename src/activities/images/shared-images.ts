import { FactoryError } from '../../domain/errors.js';
import { KEYS } from '../../domain/names.js';
import type { Image } from '../../openstack/types.js';
import { type Deps, cancellationSignal, sleep } from '../shared/context.js';

/**
 * Images that builds share, a JEOS or an installer medium, are chosen by builds and removed by the sweeper without a lock.
 * Whoever chooses one notes the time on it and then looks whether it still has its key; the sweeper takes the key away and
 * then looks whether the time has changed. Whichever comes second sees the other.
 */
type SharedKey = typeof KEYS.jeos | typeof KEYS.media;

/** Notes that a build has chosen the image. False when it has lost its key or is gone: then another must be found. */
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
    // Another project's: our sweeper does not touch it either.
    if (error.type === 'Forbidden') return true;
    throw error;
  }
}

/** Milliseconds after which a claim that was under way has shown itself: Glance writes an image's properties as a whole. */
const CLAIM_SHOWS = 2000;

/** Removes a shared image, unless a build chooses it in the same moment: then it stays, and the answer is false. */
export async function removeSharedImage(deps: Deps, cloud: string, before: Image, key: SharedKey): Promise<boolean> {
  const { image } = deps.clouds.get(cloud);
  const options = { signal: cancellationSignal() };
  const value = before[key];
  const restore = (): Promise<unknown> =>
    image.updateImage(before.id, [{ op: 'add', path: `/${key}`, value }], options);
  // Without a key it is what an interrupted sweep left: no build can have chosen it since.
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
    // Glance keeps an image whose copies are still in use by its storage: then builds may go on using it.
    if (value !== undefined) await restore();
    throw error;
  }
  return true;
}
