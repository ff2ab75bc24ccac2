import { KEYS, marksOf, parseResourceName, resourceName, TOOL, type BuildRef } from '../../domain/names.js';
import type { CallOptions } from '../../http/call-options.js';
import type { Image } from '../../openstack/types.js';
import type { Deps } from '../shared/context.js';

/*
 * Decides which images are ours. The marks alone do not show this, because clouds copy them. Nova copies all properties
 * of an image to every snapshot of an instance that has booted from the image. Cinder copies them to a volume, and to
 * every image that is made from the volume. So the mark `imagefactory_id` names the image to which the marks belong:
 * see docs/adr/0030-clouds-copy-marks.md.
 */

/** The source of a captured image: Nova captures an instance, and Cinder captures a volume. */
type CaptureSource = 'instance' | 'volume';

/** Builds the name and the marks for an image that the cloud will capture. Publication replaces both. */
export function describeCapture(
  deps: Pick<Deps, 'identity'>,
  { ref, role }: { ref: BuildRef; role: string },
  source: CaptureSource,
  sourceId: string,
): { name: string; marks: Record<string, string> } {
  return {
    name: resourceName(ref, role),
    marks: { ...marksOf(ref, role, deps.identity), [KEYS.id]: `${source}:${sourceId}` },
  };
}

/**
 * Checks whether imagefactory has made an image in this project. Such an image has its own id in its marks, or it is
 * our capture that is in progress or was never published. An image of another project is never ours, whatever its marks
 * say.
 */
export function isOwnImage(image: Image, project: string): boolean {
  if (image.owner !== project || image[KEYS.tool] !== TOOL) return false;
  return image[KEYS.id] === image.id || isOwnCapture(image);
}

/**
 * Checks whether an image is a capture that we have started, and not a user's copy. A user's copy has a name that the
 * user has chosen. Nova also writes the id of the instance into each snapshot (`instance_uuid`).
 */
function isOwnCapture(image: Image): boolean {
  const { [KEYS.build]: uuid, [KEYS.role]: role, [KEYS.id]: id } = image;
  if (typeof uuid !== 'string' || typeof role !== 'string' || typeof id !== 'string') return false;
  if (parseResourceName(image.name ?? '', role) !== uuid) return false;
  return id.startsWith('volume:') || id === `instance:${String(image['instance_uuid'])}`;
}

/** Lists our images in a cloud's project that match a query. */
export async function listOwnImages(
  deps: Pick<Deps, 'clouds'>,
  cloudName: string,
  { name, properties }: { name?: string; properties: Record<string, string> },
  options: CallOptions,
): Promise<Image[]> {
  const cloud = deps.clouds.get(cloudName);
  const project = await cloud.getProjectId(options);
  const query = { ...(name === undefined ? {} : { name }), properties: { ...properties, owner: project } };
  return (await cloud.image.listImages(query, options)).filter((image) => isOwnImage(image, project));
}

/** Reads an image by its id. Returns undefined when it does not exist, or is not ours. */
export async function getOwnImage(
  deps: Pick<Deps, 'clouds'>,
  cloudName: string,
  id: string,
  options: CallOptions,
): Promise<Image | undefined> {
  const cloud = deps.clouds.get(cloudName);
  const [project, image] = await Promise.all([cloud.getProjectId(options), cloud.image.getImage(id, options)]);
  return image !== undefined && isOwnImage(image, project) ? image : undefined;
}
