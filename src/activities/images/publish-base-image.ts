import { KEYS, marksOf, tagsOf, type BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { readIcicle } from '../../icicle/icicle.js';
import { loadBuild } from '../shared/build-documents.js';
import type { Image, ImageChange } from '../../openstack/types.js';
import {
  buildPropertyChanges,
  describeBuild,
  getExistingImage,
  listSnapshotRemovals,
  updateImageProperties,
} from './image-properties.js';
import { computeMinRam } from './min-ram.js';

export interface PublishedImage {
  imageId: string;
  checksum: { algorithm: string; value: string } | null;
  checksumMd5: string | null;
  /** Bytes. */
  size: number;
  /** Glance's word for the format of the image: `qcow2`, `raw`. Unset when Glance does not tell it. */
  format?: string;
  /** Bytes of the disk in the image. Unset when Glance does not tell it. */
  virtualSize?: number;
  /** GiB. */
  minDisk: number;
}

/**
 * Checks whether QEMU's guest agent is installed in the image. If it is, the image gets the property
 * `hw_qemu_guest_agent`, so that Nova gives each instance the channel to the agent.
 */
async function hasGuestAgent(deps: Deps, uuid: string): Promise<boolean> {
  const icicle = await deps.store.readDocument(uuid, 'icicle.xml');
  if (icicle === undefined) return false;
  const { packages } = readIcicle(icicle.toString('utf8'));
  return packages.some(({ name }) => /^qemu-guest-agent(-\d|:|$)/.test(name));
}

/**
 * Turns the snapshot of the customised instance into the base image: sets its name, its visibility, and the properties
 * that describe its system.
 */
export async function publishBaseImage(
  deps: Deps,
  input: { ref: BuildRef; imageId: string; name: string; minDisk: number; isPublic: boolean },
): Promise<PublishedImage> {
  const { ref } = input;
  const build = loadBuild(deps, ref.uuid);
  const [template, plan] = await Promise.all([build.template(), build.installerPlan()]);
  const before = await getExistingImage(deps, ref.cloud, input.imageId);
  const wanted = {
    ...plan.imageProperties,
    ...((await hasGuestAgent(deps, ref.uuid)) ? { hw_qemu_guest_agent: 'yes' } : {}),
    ...marksOf(ref, 'base', deps.identity),
    [KEYS.id]: input.imageId,
    [KEYS.image]: ref.uuid,
    [KEYS.template]: template.name,
    ...describeBuild(deps, before),
  };
  const changes: ImageChange[] = [
    ...buildPropertyChanges(before, wanted, plan.strippedProperties),
    { op: 'replace', path: '/name', value: input.name },
    { op: 'replace', path: '/tags', value: tagsOf(ref, 'base') },
    { op: 'replace', path: '/min_disk', value: input.minDisk },
    { op: 'replace', path: '/min_ram', value: await computeMinRam(build) },
    ...(input.isPublic ? [{ op: 'replace' as const, path: '/visibility', value: 'public' }] : []),
  ];
  const optional = listSnapshotRemovals(before, wanted);
  const image = await updateImageProperties(deps, ref.cloud, before, changes, optional);
  return describePublished(image);
}

/** Returns what the record says about an image in Glance. */
export function describePublished(image: Image): PublishedImage {
  const digest = image.os_hash_value ?? undefined;
  const { virtual_size: virtualSize } = image;
  return {
    imageId: image.id,
    checksum: digest === undefined ? null : { algorithm: image.os_hash_algo ?? 'sha512', value: digest },
    checksumMd5: image.checksum,
    size: image.size ?? 0,
    ...(image.disk_format === null ? {} : { format: image.disk_format }),
    ...(typeof virtualSize === 'number' ? { virtualSize } : {}),
    minDisk: image.min_disk,
  };
}
