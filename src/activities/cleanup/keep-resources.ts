import { FactoryError } from '../../domain/errors.js';
import { buildTag, expiryMarks, KEYS, type BuildRef } from '../../domain/names.js';
import { type Deps, cancellationSignal } from '../shared/context.js';
import { listOwnImages } from '../images/own-image.js';
import { isGone } from '../instance/servers.js';
import { listOwnVolumes } from '../instance/volumes.js';

export interface KeepResourcesInput {
  ref: BuildRef;
  /** Time until which the sweeper keeps the resources, in milliseconds since the epoch. */
  until: number;
}

/**
 * Marks the resources of a failed build, so that the sweeper keeps them until `until`. Only the instances, the images
 * and the volumes carry the mark; the sweeper then keeps the other resources of the build too.
 */
export async function keepResources(deps: Deps, { ref, until }: KeepResourcesInput): Promise<{ resources: string[] }> {
  const { compute, image } = deps.clouds.get(ref.cloud);
  const marks = expiryMarks(new Date(until));
  const [servers, images] = await Promise.all([
    compute.listServers({ tags: [buildTag(ref.uuid)] }, { signal: cancellationSignal() }),
    listOwnImages(deps, ref.cloud, { properties: { [KEYS.build]: ref.uuid } }, { signal: cancellationSignal() }),
  ]);
  const resources: string[] = [];
  for (const server of servers.filter((candidate) => !isGone(candidate))) {
    await compute.setServerMetadata(server.id, marks, { signal: cancellationSignal() });
    resources.push(`instance ${server.id} (${server.status})`);
  }
  const changes = Object.entries(marks).map(([name, value]) => ({ op: 'add' as const, path: `/${name}`, value }));
  for (const { id } of images) {
    await image.updateImage(id, changes, { signal: cancellationSignal() });
    resources.push(`image ${id}`);
  }
  return { resources: [...resources, ...(await keepVolumes(deps, ref, marks))] };
}

/**
 * Marks the volumes of a build, and returns their descriptions. A volume may be the only resource with the build's work
 * in it, because the build deletes the instance before it uploads the volume.
 */
async function keepVolumes(deps: Deps, { uuid, cloud }: BuildRef, marks: Record<string, string>): Promise<string[]> {
  const { volume } = deps.clouds.get(cloud);
  if (!(await volume.isAvailable({ signal: cancellationSignal() }))) return [];
  const query = { metadata: { [KEYS.build]: uuid } };
  const volumes = await listOwnVolumes(deps, cloud, query, { signal: cancellationSignal() });
  const kept = volumes.filter(({ status }) => !status.endsWith('deleting'));
  for (const { id } of kept) {
    await volume.setMetadata(id, marks, { signal: cancellationSignal() }).catch((error: unknown) => {
      // Conflict: Cinder is uploading the volume, and cannot change its metadata meanwhile. We ignore this, because the
      // image that Cinder makes of the volume gets the mark instead.
      if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
    });
  }
  return kept.map(({ id, status }) => `volume ${id} (${status})`);
}
