import { KEYS, marksOf, parseResourceName, resourceName, TOOL, type BuildRef } from '../../domain/names.js';
import type { CallOptions } from '../../openstack/http/call-options.js';
import type { Image } from '../../openstack/types.js';
import type { Deps } from '../shared/context.js';

/*
 * Which images are ours. Marks alone do not show it, because clouds copy them: Nova copies all properties of an image
 * to each snapshot of an instance that was booted from that image, and Cinder copies them to a volume and to each image
 * that is made of the volume. So one mark says which image the marks are about: see docs/adr/0030-clouds-copy-marks.md.
 */

/** What an image is captured from: an instance, by Nova, or a volume, by Cinder. */
type CaptureSource = 'instance' | 'volume';

/** Builds the name and the marks of an image that the cloud is to capture. Publication replaces both. */
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
 * Whether imagefactory has made an image in this project. Such an image carries its own id; or it is a capture that is
 * in progress or was never published. Another project's image is never ours, whatever its marks say.
 */
export function isOwnImage(image: Image, project: string): boolean {
  if (image.owner !== project || image[KEYS.tool] !== TOOL) return false;
  return image[KEYS.id] === image.id || isOwnCapture(image);
}

/**
 * Whether an image is a capture that we have started, and not a copy of one. A user has chosen another name for a copy.
 * Nova also writes onto each snapshot from which instance it is.
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
