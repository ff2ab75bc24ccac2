import { KEYS, MARK, marksOf, tagsOf } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { loadBuild } from '../shared/build-documents.js';
import type { ImageChange } from '../../openstack/types.js';
import {
  buildPropertyChanges,
  describeBuild,
  getExistingImage,
  listSnapshotRemovals,
  updateImageProperties,
} from './image-properties.js';
import { formatMediaDigests } from './jeos-media.js';
import { computeMinRam } from './min-ram.js';
import type { JeosStepInput } from '../shared/jeos-step.js';

/**
 * Turns a snapshot into a JEOS that later builds can start from: sets its name, removes the properties that boot the
 * installer, and sets the JEOS digest.
 */
export async function publishJeos(
  deps: Deps,
  input: JeosStepInput & {
    imageId: string;
    digest: string;
    minDisk: number;
    mediaDigests?: Record<string, string> | undefined;
  },
): Promise<void> {
  const { ref } = input;
  const build = loadBuild(deps, input.documentsId);
  const [template, plan] = await Promise.all([build.template(), build.installerPlan()]);
  const image = await getExistingImage(deps, ref.cloud, input.imageId);
  const wanted = {
    ...plan.imageProperties,
    ...marksOf(ref, 'jeos', deps.identity),
    [KEYS.id]: input.imageId,
    [KEYS.jeos]: input.digest,
    ...formatMediaDigests(input.mediaDigests),
    ...describeBuild(deps, image),
  };
  const changes: ImageChange[] = [
    ...buildPropertyChanges(image, wanted, plan.strippedProperties),
    { op: 'replace', path: '/name', value: `${template.name}-jeos` },
    { op: 'replace', path: '/tags', value: [MARK, ...tagsOf(ref, 'jeos').slice(1)] },
    { op: 'replace', path: '/min_disk', value: input.minDisk },
    { op: 'replace', path: '/min_ram', value: await computeMinRam(build) },
  ];
  await updateImageProperties(deps, ref.cloud, image, changes, listSnapshotRemovals(image, wanted));
}
