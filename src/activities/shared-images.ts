import { FactoryError } from '../build/errors.js';
import { KEYS } from '../build/names.js';
import type { Image } from '../openstack/types.js';
import { type Deps, signal, sleep } from './context.js';

/**
 * Images that builds share, a JEOS or an installer medium, are chosen by builds and removed by the sweeper without a lock.
 * Whoever chooses one notes the time on it and then looks whether it still has its key; the sweeper takes the key away and
 * then looks whether the time has changed. Whichever comes second sees the other.
 */
type SharedKey = typeof KEYS.jeos | typeof KEYS.media;

function isNotThere(error: unknown): boolean {
  return error instanceof FactoryError && error.type === 'NotFound';
}

/** Notes that a build has chosen the image. False when it has lost its key or is gone: then another must be found. */
export async function claimImage(deps: Deps, cloud: string, imageId: string, key: SharedKey): Promise<boolean> {
  try {
    const image = await deps.clouds
      .get(cloud)
      .image.updateImage(imageId, [{ op: 'add', path: `/${KEYS.used}`, value: new Date().toISOString() }], {
        signal: signal(),
      });
    return image[key] !== undefined;
  } catch (error) {
    if (isNotThere(error)) return false;
    throw error;
  }
}

/** Milliseconds after which a claim that was under way has shown itself: Glance writes an image's properties as a whole. */
const CLAIM_SHOWS = 2000;

/** Takes a shared image's key away, so that no build finds it any more. False when one had just chosen it. */
export async function retireImage(deps: Deps, cloud: string, before: Image, key: SharedKey): Promise<boolean> {
  const { image } = deps.clouds.get(cloud);
  const value = before[key];
  if (typeof value !== 'string') return true;
  await image.updateImage(before.id, [{ op: 'remove', path: `/${key}` }], { signal: signal() });
  await sleep(Math.min(CLAIM_SHOWS, deps.pollInterval * 2));
  const now = await image.getImage(before.id, { signal: signal() });
  if (now === undefined || now[KEYS.used] === before[KEYS.used]) return true;
  await image.updateImage(before.id, [{ op: 'add', path: `/${key}`, value }], { signal: signal() });
  return false;
}
