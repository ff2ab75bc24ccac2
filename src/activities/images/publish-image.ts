import { FactoryError } from '../../domain/errors.js';
import { KEYS, MARK, marksOf, tagsOf, type BuildRef } from '../../domain/names.js';
import type { Image, ImageChange } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal } from '../shared/context.js';
import { readIcicle } from '../../icicle/icicle.js';
import { memoryOf } from '../../os/installer/memory.js';
import { type BuildDocuments, loadBuild } from '../shared/build-documents.js';
import type { JeosStep, PublishedImage } from '../shared/types.js';

/** What Cinder adds to an image that it makes of a volume; it would make no volume of one that has it already. */
const OF_CINDER = 'signature_verified';

/** Changes that give an image exactly these properties, and take away those named and every mark of ours not among them. */
function propertyChanges(image: Image, wanted: Record<string, string>, stripped: string[]): ImageChange[] {
  const ours = Object.keys(image).filter((name) => name.startsWith(`${MARK}_`));
  const unwanted = new Set(
    [...stripped, OF_CINDER, ...ours].filter((name) => image[name] !== undefined && !(name in wanted)),
  );
  const removed: ImageChange[] = [...unwanted].map((name) => ({ op: 'remove', path: `/${name}` }));
  const set: ImageChange[] = Object.entries(wanted)
    .filter(([name, value]) => image[name] !== value)
    .map(([name, value]) => ({ op: image[name] === undefined ? 'add' : 'replace', path: `/${name}`, value }));
  return [...removed, ...set];
}

async function snapshotImage(deps: Deps, cloud: string, imageId: string): Promise<Image> {
  const image = await deps.clouds.get(cloud).image.getImage(imageId, { signal: cancellationSignal() });
  if (image !== undefined) return image;
  throw imageGone(imageId);
}

function imageGone(imageId: string, cause?: unknown): FactoryError {
  return new FactoryError('ImageFailed', `image ${imageId} is gone: somebody else has deleted it`, { cause });
}

async function change(deps: Deps, cloud: string, image: Image, changes: ImageChange[]): Promise<Image> {
  if (changes.length === 0) return image;
  reportProgress({ message: `setting ${changes.length} properties of image ${image.id}` });
  try {
    return await deps.clouds.get(cloud).image.updateImage(image.id, changes, { signal: cancellationSignal() });
  } catch (error) {
    throw error instanceof FactoryError && error.type === 'NotFound' ? imageGone(image.id, error) : error;
  }
}

/** Makes a snapshot a JEOS that later builds may start from: it loses what boots the installer, and gets its digest. */
export async function publishJeos(
  deps: Deps,
  input: JeosStep & { imageId: string; digest: string; minDisk: number },
): Promise<void> {
  const { ref } = input;
  const build = loadBuild(deps, input.documentsId);
  const plan = await build.installerPlan();
  const image = await snapshotImage(deps, ref.cloud, input.imageId);
  const wanted = { ...plan.imageProperties, ...marksOf(ref, 'jeos', deps.identity), [KEYS.jeos]: input.digest };
  await change(deps, ref.cloud, image, [
    ...propertyChanges(image, wanted, plan.strippedProperties),
    { op: 'replace', path: '/tags', value: [MARK, ...tagsOf(ref, 'jeos').slice(1)] },
    { op: 'replace', path: '/min_disk', value: input.minDisk },
    { op: 'replace', path: '/min_ram', value: await computeMinRam(build) },
  ]);
}

/** MiB that a machine of the image must have. */
async function computeMinRam(build: BuildDocuments): Promise<number> {
  return memoryOf(await build.template(), await build.profile()).system;
}

/** Remembers that a machine booted from this JEOS answers. */
export async function markProven(deps: Deps, cloud: string, imageId: string): Promise<void> {
  const image = await snapshotImage(deps, cloud, imageId);
  if (image[KEYS.proven] === 'true') return;
  await change(deps, cloud, image, [{ op: 'add', path: `/${KEYS.proven}`, value: 'true' }]);
}

/** Whether QEMU's guest agent is in the image: then Nova is told to give its machines the channel to it. */
async function hasGuestAgent(deps: Deps, uuid: string): Promise<boolean> {
  const icicle = await deps.store.readDocument(uuid, 'icicle.xml');
  if (icicle === undefined) return false;
  const { packages } = readIcicle(icicle.toString('utf8'));
  return packages.some(({ name }) => /^qemu-guest-agent(-\d|:|$)/.test(name));
}

/** Makes the second snapshot the base image: name, visibility, and the properties that describe its system. */
export async function publishBaseImage(
  deps: Deps,
  input: { ref: BuildRef; imageId: string; name: string; minDisk: number; isPublic: boolean },
): Promise<PublishedImage> {
  const { ref } = input;
  const build = loadBuild(deps, ref.uuid);
  const [template, plan] = await Promise.all([build.template(), build.installerPlan()]);
  const before = await snapshotImage(deps, ref.cloud, input.imageId);
  const wanted = {
    ...plan.imageProperties,
    ...((await hasGuestAgent(deps, ref.uuid)) ? { hw_qemu_guest_agent: 'yes' } : {}),
    ...marksOf(ref, 'base', deps.identity),
    [KEYS.image]: ref.uuid,
    [KEYS.template]: template.name,
  };
  const image = await change(deps, ref.cloud, before, [
    ...propertyChanges(before, wanted, plan.strippedProperties),
    { op: 'replace', path: '/name', value: input.name },
    { op: 'replace', path: '/tags', value: tagsOf(ref, 'base') },
    { op: 'replace', path: '/min_disk', value: input.minDisk },
    { op: 'replace', path: '/min_ram', value: await computeMinRam(build) },
    ...(input.isPublic ? [{ op: 'replace' as const, path: '/visibility', value: 'public' }] : []),
  ]);
  const digest = image.os_hash_value ?? undefined;
  return {
    imageId: image.id,
    checksum: digest === undefined ? null : { algorithm: image.os_hash_algo ?? 'sha512', value: digest },
    checksumMd5: image.checksum,
    size: image.size ?? 0,
    minDisk: image.min_disk,
  };
}
