import { buildTag, expiryMarks, KEYS } from '../build/names.js';
import { type Deps, signal } from './context.js';
import { isGone } from './servers.js';
import type { KeepResources } from './types.js';

/**
 * Marks what a failed build has made, so that the sweeper leaves it until the moment has come. The instance and the images
 * carry the mark; it covers everything else of the build as well.
 */
export async function keepResources(deps: Deps, { ref, until }: KeepResources): Promise<{ things: string[] }> {
  const { compute, image } = deps.clouds.get(ref.cloud);
  const marks = expiryMarks(new Date(until));
  const [servers, images] = await Promise.all([
    compute.listServers({ tags: [buildTag(ref.uuid)] }, { signal: signal() }),
    image.listImages({ properties: { [KEYS.build]: ref.uuid } }, { signal: signal() }),
  ]);
  const things: string[] = [];
  for (const server of servers.filter((candidate) => !isGone(candidate))) {
    await compute.setServerMetadata(server.id, marks, { signal: signal() });
    things.push(`instance ${server.id} (${server.status})`);
  }
  const changes = Object.entries(marks).map(([name, value]) => ({ op: 'add' as const, path: `/${name}`, value }));
  for (const { id } of images) {
    await image.updateImage(id, changes, { signal: signal() });
    things.push(`image ${id}`);
  }
  return { things };
}
