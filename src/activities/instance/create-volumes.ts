import { Context } from '@temporalio/activity';
import { FactoryError } from '../../domain/errors.js';
import { marksOf, resourceName, type BuildRef } from '../../domain/names.js';
import type { Volume } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { watchVolume } from '../shared/watch-resource.js';
import { recoverLostReply } from '../shared/lost-reply.js';
import { retryWhileNoCapacity } from './retry-while-no-capacity.js';
import { loadBuild } from '../shared/build-documents.js';
import {
  COPY_TIMEOUT,
  rootVolumeName,
  computeCopyDeadline,
  findVolume,
  isBroken,
  markVolume,
  volumeFailedError,
  removeVolume,
} from './volumes.js';

export interface CreateVolumesInput {
  ref: BuildRef;
  /** UUID under which the store keeps the build's documents. */
  documentsId: string;
  /**
   * The image from which the root volume is copied, and the size of the volume in GiB. Unset: the root disk is not a
   * volume.
   */
  root?: { imageId: string; size: number };
  /** Ids of the images in the CD-ROM drives of the instance. */
  media: string[];
  /** Seconds for which the build waits while the cloud has no capacity. */
  timeout: number;
}

/** Ids of the created volumes. `root` is unset when the root disk is not a volume. */
export interface CreatedVolumes {
  root?: string;
  media: string[];
}

/** Bytes in a GiB. Cinder gives the sizes of volumes in GiB. */
const GIB = 1024 ** 3;

/** A volume that a build needs. */
interface WantedVolume {
  name: string;
  role: 'root' | 'medium';
  imageId: string;
  /** Size in GiB. */
  size: number;
  /** Undefined: the default volume type of the cloud. */
  volumeType: string | undefined;
}

/**
 * Creates the volumes of an instance, each from its image, or finds those of an earlier try. Returns when all of them
 * can be used. While the cloud has no room for all of them, keeps none: two builds that each keep half of their volumes
 * would wait for each other.
 */
export async function createVolumes(deps: Deps, input: CreateVolumesInput): Promise<CreatedVolumes> {
  const wanted = await planVolumes(deps, input);
  const deadline = Context.current().info.scheduledTimestampMs + input.timeout * 1000;
  const { ids = [] } = await retryWhileNoCapacity(deps, { waits: true, deadline }, async () => ({
    ids: await ensureAll(deps, input, wanted, deadline),
  }));
  const until = computeCopyDeadline();
  for (const id of ids) await waitUntilUsable(deps, input.ref, id, until);
  return input.root === undefined ? { media: ids } : { root: ids[0] ?? '', media: ids.slice(1) };
}

async function planVolumes(deps: Deps, { ref, documentsId, root, media }: CreateVolumesInput): Promise<WantedVolume[]> {
  const { volume_type: volumeType } = await loadBuild(deps, documentsId).parameters();
  const { image } = deps.clouds.get(ref.cloud);
  const wanted: WantedVolume[] = [];
  if (root !== undefined) wanted.push({ name: rootVolumeName(ref), role: 'root', ...root, volumeType });
  for (const [index, imageId] of media.entries()) {
    const size = (await image.getImage(imageId, { signal: cancellationSignal() }))?.size ?? 0;
    const name = resourceName(ref, `medium${index}`);
    wanted.push({ name, role: 'medium', imageId, size: Math.max(1, Math.ceil(size / GIB)), volumeType });
  }
  return wanted;
}

async function ensureAll(
  deps: Deps,
  input: CreateVolumesInput,
  wanted: WantedVolume[],
  deadline: number,
): Promise<string[]> {
  const ids: string[] = [];
  try {
    for (const volume of wanted) ids.push(await ensureVolume(deps, input.ref, volume));
    return ids;
  } catch (error) {
    if (error instanceof FactoryError && error.type === 'QuotaExceeded') {
      for (const id of ids) await returnVolume(deps, input.ref.cloud, id, deadline);
    }
    throw error;
  }
}

/**
 * Deletes a volume because the cloud has no room for another one that the instance needs. Throws when Cinder cannot
 * delete the volume, because otherwise each further round would create another volume that cannot be deleted. Ignores
 * other errors of the cloud, because the next round finds the volume again.
 */
async function returnVolume(deps: Deps, cloud: string, id: string, deadline: number): Promise<void> {
  try {
    await removeVolume(deps, cloud, id, Math.min(deadline, computeCopyDeadline()));
  } catch (error) {
    if (!(error instanceof FactoryError) || error.type === 'VolumeFailed') throw error;
  }
}

async function ensureVolume(deps: Deps, ref: BuildRef, wanted: WantedVolume): Promise<string> {
  const volume = await findOrCreateVolume(deps, ref, wanted);
  await markVolume(deps, ref.cloud, volume);
  return volume.id;
}

async function findOrCreateVolume(deps: Deps, ref: BuildRef, wanted: WantedVolume): Promise<Volume> {
  const existing = await findVolume(deps, ref.cloud, wanted.name);
  if (existing !== undefined) {
    if (!isBroken(existing)) return existing;
    await removeVolume(deps, ref.cloud, existing.id);
  }
  const { volume } = deps.clouds.get(ref.cloud);
  reportProgress({ message: `creating a volume of ${wanted.size} GiB from image ${wanted.imageId}` });
  try {
    const made = await volume.createVolume(
      {
        name: wanted.name,
        size: wanted.size,
        imageRef: wanted.imageId,
        metadata: marksOf(ref, wanted.role, deps.identity),
        ...(wanted.volumeType === undefined ? {} : { volume_type: wanted.volumeType }),
      },
      { signal: cancellationSignal() },
    );
    // A try that Temporal has given up may have created a volume at the same time. All tries use the oldest volume.
    return (await findVolume(deps, ref.cloud, wanted.name)) ?? made;
  } catch (error) {
    const made = await recoverLostReply(deps, error, () => findVolume(deps, ref.cloud, wanted.name));
    if (made === undefined) throw error;
    return made;
  }
}

/**
 * Waits until a volume can be used. The status `in-use` means that an instance of the build uses the volume already.
 */
async function waitUntilUsable(deps: Deps, ref: BuildRef, id: string, until: number): Promise<void> {
  const cloud = deps.clouds.get(ref.cloud);
  await watchVolume(deps, ref.cloud, id, async (volume) => {
    if (volume === undefined) throw await volumeFailedError(cloud, id, 'is gone: it was deleted outside of the build');
    if (volume.status === 'available' || volume.status === 'in-use') return volume.status;
    if (isBroken(volume)) throw await volumeFailedError(cloud, id, `is ${volume.status}: the cloud could not make it`);
    if (Date.now() >= until) {
      throw new FactoryError('DeadlineExceeded', `volume ${id} is still ${volume.status} after ${COPY_TIMEOUT} s`, {
        hint: 'the cloud’s block storage is slow or has stopped: ask the cloud’s operators',
      });
    }
    reportProgress({ message: `volume ${id} is ${volume.status}` });
    return undefined;
  });
}
