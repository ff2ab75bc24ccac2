import type { Image } from '@aws-sdk/client-ec2';
import { FactoryError } from '../../domain/errors.js';
import { TOOL } from '../../domain/names.js';
import type { RegisteredImage } from '../../domain/provider-image.js';
import { PROVIDER_KEYS } from '../../domain/provider-marks.js';
import type { Operation, StagingObject } from '../types.js';
import type { Aws, Region } from './aws.js';
import { RESOURCES } from './describe-image.js';
import { hasCode } from './errors.js';
import { deregister, hasFailed, isOfPush, listImages, readImage, snapshotsOf } from './images.js';
import { deleteSnapshot, listSnapshots, readSnapshot, VISIBLE_AFTER } from './snapshots.js';
import { filterOurs, filterUuid, readTags } from './tags.js';

const GIB = 1024 ** 3;
/** Values that a filter of EC2 may have. */
const FILTER_VALUES = 200;

/** Lists our AMIs that EC2 could not make, and our snapshots that no other AMI of the account has. */
export async function listStaging(aws: Aws, operation: Operation, regions: Region[]): Promise<StagingObject[]> {
  const found: StagingObject[] = [];
  for (const region of regions) {
    for (const image of await listImages(aws, operation, region, filterOurs())) {
      const { ImageId: id, CreationDate } = image;
      const uuid = readTags(image.Tags)[PROVIDER_KEYS.image];
      if (id === undefined || uuid === undefined || !isOurFailure(image)) continue;
      const createdAt = CreationDate === undefined ? undefined : Date.parse(CreationDate);
      found.push({ uuid, kind: `AMI in ${region.name}`, id, createdAt, size: undefined });
    }
    const snapshots = await listSnapshots(aws, operation, region, filterOurs());
    const used = await listUsed(
      aws,
      operation,
      region,
      snapshots.flatMap(({ SnapshotId: id }) => id ?? []),
    );
    for (const { SnapshotId: id, Tags, StartTime, VolumeSize } of snapshots) {
      const uuid = readTags(Tags)[PROVIDER_KEYS.image];
      if (id === undefined || uuid === undefined || used.has(id)) continue;
      found.push({
        uuid,
        kind: `snapshot in ${region.name}`,
        id,
        createdAt: StartTime?.getTime(),
        size: VolumeSize === undefined ? undefined : VolumeSize * GIB,
      });
    }
  }
  return found;
}

function isOurFailure(image: Image): boolean {
  return hasFailed(image) && isOfPush(image, readTags(image.Tags)[PROVIDER_KEYS.image] ?? '');
}

/**
 * Finds the snapshots that an AMI has, whoever of the account has registered it. Ours that have failed do not count.
 *
 * @param gone AMIs that were just deregistered: EC2 may still show them
 */
async function listUsed(
  aws: Aws,
  operation: Operation,
  region: Region,
  snapshots: string[],
  gone: ReadonlySet<string> = new Set(),
): Promise<Set<string>> {
  const used = new Set<string>();
  for (let first = 0; first < snapshots.length; first += FILTER_VALUES) {
    const Values = snapshots.slice(first, first + FILTER_VALUES);
    const filters = [{ Name: 'block-device-mapping.snapshot-id', Values }];
    for (const image of await listImages(aws, operation, region, filters)) {
      if (gone.has(image.ImageId ?? '') || image.State === 'deregistered' || isOurFailure(image)) continue;
      for (const id of snapshotsOf(image)) used.add(id);
    }
  }
  return used;
}

/**
 * Removes AMIs of a push that EC2 could not make, and snapshots of it that no AMI has.
 *
 * @param everything whether to remove AMIs of the push in any state
 */
export async function removeStaging(
  aws: Aws,
  operation: Operation,
  regions: Region[],
  uuid: string,
  everything: boolean,
): Promise<string[]> {
  const removed: string[] = [];
  for (const region of regions) {
    const gone = new Set<string>();
    for (const image of await listImages(aws, operation, region, filterUuid(uuid))) {
      const { ImageId: id, State } = image;
      if (id === undefined || State === 'deregistered' || !isOfPush(image, uuid)) continue;
      if (!everything && !hasFailed(image)) continue;
      gone.add(id);
      if (await deregister(aws, operation, region, id)) removed.push(`AMI ${id} in ${region.name}`);
    }
    const snapshots = await listSnapshots(aws, operation, region, filterUuid(uuid));
    const ids = snapshots.flatMap(({ SnapshotId: id }) => id ?? []);
    const used = await listUsed(aws, operation, region, ids, gone);
    for (const id of ids.filter((one) => !used.has(one))) {
      removed.push(...(await deleteUnused(aws, operation, region, id, gone)));
    }
  }
  return removed;
}

/** Removes an AMI with its snapshots, and its copies in other regions. */
export async function deleteRegistered(aws: Aws, operation: Operation, registered: RegisteredImage): Promise<string[]> {
  const removed: string[] = [];
  const copies = registered.resources.filter(({ kind }) => kind === RESOURCES.imageCopy).map(({ id }) => splitId(id));
  const copied = registered.resources
    .filter(({ kind }) => kind === RESOURCES.snapshotCopy)
    .map(({ id }) => splitId(id));
  for (const { region, id } of copies) {
    const snapshots = copied.filter((one) => one.region === region).map((one) => one.id);
    removed.push(...(await deleteImage(aws, operation, aws.region(region), id, snapshots)));
  }
  const own = registered.resources.filter(({ kind }) => kind === RESOURCES.snapshot).map(({ id }) => id);
  const region = registered.region === undefined ? aws.home : aws.region(registered.region);
  removed.push(...(await deleteImage(aws, operation, region, registered.id, own)));
  return removed;
}

/** @param recorded snapshots of the AMI, for the case that the AMI is gone already */
async function deleteImage(
  aws: Aws,
  operation: Operation,
  region: Region,
  id: string,
  recorded: string[],
): Promise<string[]> {
  const removed: string[] = [];
  const image = await readImage(aws, operation, region, id);
  const snapshots = new Set(recorded);
  if (image !== undefined && image.State !== 'deregistered') {
    requireOurs(image, id);
    for (const snapshot of snapshotsOf(image)) snapshots.add(snapshot);
    if (await deregister(aws, operation, region, id)) removed.push(`AMI ${id} in ${region.name}`);
  }
  for (const snapshot of snapshots) {
    const tags = readTags((await readSnapshot(aws, operation, region, snapshot))?.Tags);
    // A snapshot that is gone, or that somebody else has made, has not our mark.
    if (tags[PROVIDER_KEYS.tool] !== TOOL) continue;
    const { [PROVIDER_KEYS.image]: uuid } = readTags(image?.Tags);
    if (uuid !== undefined && tags[PROVIDER_KEYS.image] !== uuid) continue;
    removed.push(...(await deleteUnused(aws, operation, region, snapshot, new Set([id]))));
  }
  return removed;
}

function requireOurs({ Tags, Name }: Image, id: string): void {
  if (readTags(Tags)[PROVIDER_KEYS.tool] === TOOL) return;
  throw new FactoryError('Conflict', `the AMI ${id} (${Name ?? 'no name'}) has not the tag of imagefactory-nova`, {
    hint: 'it is left alone; deregister it yourself if nobody needs it',
  });
}

/**
 * Deletes a snapshot. EC2 may take it for used a while after its AMI was deregistered. A snapshot that somebody else's
 * AMI has is left.
 *
 * @param gone our AMIs that were deregistered
 * @returns what was done, for people
 */
async function deleteUnused(
  aws: Aws,
  operation: Operation,
  region: Region,
  id: string,
  gone: ReadonlySet<string>,
): Promise<string[]> {
  const what = `snapshot ${id} in ${region.name}`;
  for (let count = 1; ; count++) {
    try {
      return (await deleteSnapshot(aws, operation, region, id)) ? [what] : [];
    } catch (error) {
      if (!hasCode(error, 'InvalidSnapshot.InUse')) throw error;
      if (count >= VISIBLE_AFTER) {
        const user = /\bami-[0-9a-f]+/.exec(error.message)?.[0];
        if (user === undefined || gone.has(user)) throw error;
        return [`${what} kept: in use by ${user}`];
      }
      await operation.sleep(operation.pollInterval);
    }
  }
}

/** Splits `eu-west-1/ami-0`. */
export function splitId(text: string): { region: string; id: string } {
  const [region = '', id = ''] = text.split('/');
  return { region, id };
}
