import { KEYS, type BuildRef } from '../../domain/names.js';
import type { Image, Server } from '../../openstack/types.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { listOwnImages } from '../images/own-image.js';
import { listBuildServers } from '../instance/servers.js';

/** Statuses of an image that is complete, or may still become complete. */
const WHOLE_OR_COMING = ['active', 'queued', 'saving'];

/** Statuses of an instance in which a build can continue. */
export const USABLE_STATUSES = ['ACTIVE', 'BUILD', 'REBOOT'];

export async function listInstances(deps: Deps, { ref }: { ref: BuildRef }): Promise<Server[]> {
  return listBuildServers(deps, ref, 'customise', { signal: cancellationSignal() });
}

export async function findSnapshot(deps: Deps, { ref }: { ref: BuildRef }): Promise<Image | undefined> {
  const properties = { [KEYS.build]: ref.uuid, [KEYS.role]: 'base' };
  const images = await listOwnImages(deps, ref.cloud, { properties }, { signal: cancellationSignal() });
  return images.find(({ status }) => WHOLE_OR_COMING.includes(status));
}

/**
 * Checks whether a build can use a snapshot. This is so if the snapshot is complete. It is also so if the snapshot may
 * still become complete, because its instance is off and Nova still runs a task on the instance.
 */
export function isUsableSnapshot(snapshot: Image, server: Server | undefined): boolean {
  if (snapshot.status === 'active') return (snapshot.size ?? 0) > 0;
  return server?.status === 'SHUTOFF' && server['OS-EXT-STS:task_state'] !== null;
}
