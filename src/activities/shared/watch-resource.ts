import type { SharedPoll } from '../../openstack/polling/shared-poll.js';
import type { Image, Server, Volume } from '../../openstack/types.js';
import { cancellationSignal, type Deps } from './context.js';

/**
 * Checks a state of a resource and reports progress. Returns the result that ends the watch, or undefined to wait for
 * the next poll. The check itself must handle the deadline and the final states.
 */
type Check<T, R> = (current: T) => Promise<R | undefined> | R | undefined;

/**
 * Watches one resource through the shared list call of its cloud: calls `check` once per poll, until it returns a
 * result or throws. If the list does not have the resource, reads the resource by its id; `check` gets undefined when
 * the resource does not exist.
 */
async function watchResource<T extends { id: string }, R>(
  poll: SharedPoll<T>,
  id: string,
  read: (options: { signal: AbortSignal }) => Promise<T | undefined>,
  check: Check<T | undefined, R>,
): Promise<R> {
  try {
    for (;;) {
      const listed = await poll.next(id, cancellationSignal());
      const result = await check(listed ?? (await read({ signal: cancellationSignal() })));
      if (result !== undefined) return result;
    }
  } finally {
    poll.stopWaiting(id);
  }
}

/** Watches an instance: see {@link watchResource}. */
export function watchServer<R>(
  deps: Deps,
  cloudName: string,
  id: string,
  check: Check<Server | undefined, R>,
): Promise<R> {
  const { cloud, servers } = deps.watch(cloudName);
  return watchResource(servers, id, (options) => cloud.compute.getServer(id, options), check);
}

/** Watches a volume: see {@link watchResource}. */
export function watchVolume<R>(
  deps: Deps,
  cloudName: string,
  id: string,
  check: Check<Volume | undefined, R>,
): Promise<R> {
  const { cloud, volumes } = deps.watch(cloudName);
  return watchResource(volumes, id, (options) => cloud.volume.getVolume(id, options), check);
}

/**
 * Watches an image while the cloud makes it from an instance or a volume (the source): calls `check` with both once per
 * poll. `check` gets undefined as the source when the list of instances or volumes does not contain the source.
 */
export async function watchCapture<T extends { id: string }, R>(
  deps: Deps,
  cloudName: string,
  ids: { image: string; source: string },
  sources: SharedPoll<T>,
  check: Check<{ image: Image | undefined; source: T | undefined }, R>,
): Promise<R> {
  const { cloud, images } = deps.watch(cloudName);
  try {
    for (;;) {
      const [listed, source] = await Promise.all([
        images.next(ids.image, cancellationSignal()),
        sources.next(ids.source, cancellationSignal()),
      ]);
      const image = listed ?? (await cloud.image.getImage(ids.image, { signal: cancellationSignal() }));
      const result = await check({ image, source });
      if (result !== undefined) return result;
    }
  } finally {
    images.stopWaiting(ids.image);
    sources.stopWaiting(ids.source);
  }
}
