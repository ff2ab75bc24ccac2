import { FactoryError } from '../../domain/errors.js';
import { KEYS, marksOf, tagsOf, type BuildRef } from '../../domain/names.js';
import { loadBuild, type BuildDocuments } from '../shared/build-documents.js';
import type { Deps } from '../shared/context.js';
import {
  buildPropertyChanges,
  describeBuild,
  getExistingImage,
  updateImageProperties,
} from '../images/image-properties.js';
import { describePublished, type PublishedImage } from '../images/publish-base-image.js';

/**
 * Turns an imported image into a base image: sets its name, and the properties that describe its system. Its bytes stay
 * as they are. An image of somebody else is not changed at all.
 */
export async function publishImport(
  deps: Deps,
  input: { ref: BuildRef; imageId: string; own: boolean; name: string; isPublic: boolean },
): Promise<PublishedImage> {
  const { ref, imageId, own, name, isPublic } = input;
  const before = await getExistingImage(deps, ref.cloud, imageId);
  if (!own) return describePublished(before);
  const build = loadBuild(deps, ref.uuid);
  const wanted = {
    ...(await describeSystem(build)),
    ...marksOf(ref, 'base', deps.identity),
    [KEYS.id]: imageId,
    [KEYS.image]: ref.uuid,
    [KEYS.template]: (await build.template()).name,
    ...describeBuild(deps, before),
  };
  const image = await updateImageProperties(deps, ref.cloud, before, [
    ...buildPropertyChanges(before, wanted, []),
    { op: 'replace', path: '/name', value: name },
    { op: 'replace', path: '/tags', value: tagsOf(ref, 'base') },
    ...(isPublic ? [{ op: 'replace' as const, path: '/visibility', value: 'public' }] : []),
  ]);
  return describePublished(image);
}

/** Returns the properties of a known system. Those of a system that we cannot install are not known. */
async function describeSystem(build: BuildDocuments): Promise<Record<string, string>> {
  try {
    return (await build.installerPlan()).imageProperties;
  } catch (error) {
    if (error instanceof FactoryError && error.type !== 'StoreFailed') return {};
    throw error;
  }
}
