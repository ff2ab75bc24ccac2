import { FactoryError } from '../../domain/errors.js';
import { isMarked } from '../../domain/provider-marks.js';
import type { Manifests } from './manifests.js';

/**
 * Removes the manifests of an image: first the list of its documents, then these, at last the image itself. Blobs stay:
 * the registry's garbage collection removes those that no manifest names.
 *
 * @param place the repository with the registry's host, for the answer
 * @param digests the image's manifest, and those documents that are known
 * @returns what was removed
 * @throws FactoryError Conflict when the manifest is another image's
 */
export async function removeManifests(
  manifests: Manifests,
  place: string,
  uuid: string,
  [digest = '', ...known]: readonly string[],
): Promise<string[]> {
  const image = await manifests.get(digest);
  if (image !== undefined && !isMarked(image.annotations, uuid)) {
    throw new FactoryError('Conflict', `${place}@${digest} belongs to another image than ${uuid}`, {
      hint: 'nothing was deleted',
    });
  }
  const listed = (await manifests.listReferrers(digest))
    .filter(({ annotations }) => isMarked(annotations ?? {}, uuid))
    .map((referrer) => referrer.digest);
  const documents = [...new Set([...listed, ...known])];
  await manifests.removeReferrers(digest, documents);
  const removed: string[] = [];
  for (const document of documents) {
    const found = await manifests.get(document);
    if (found === undefined || !isMarked(found.annotations, uuid)) continue;
    if (await manifests.delete(document)) removed.push(`document ${place}@${document}`);
  }
  if (image !== undefined && (await manifests.delete(digest))) removed.push(`image ${place}@${digest}`);
  return removed;
}
