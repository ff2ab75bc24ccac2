import type { Filter, Snapshot } from '@aws-sdk/client-ec2';
import { FactoryError } from '../../domain/errors.js';
import type { Operation, PushedImage } from '../types.js';
import type { Aws, Region } from './aws.js';
import { hasCode } from './errors.js';
import { clientToken, requireFit } from './names.js';
import { filterImage, tagsOf } from './tags.js';

/** Minutes without a block after which EBS gives the snapshot up. A day: a push may wait for its worker that long. */
const IDLE_MINUTES = 24 * 60;
/** Questions for something that was just made, until we take it for deleted. AWS shows new things a little later. */
export const VISIBLE_AFTER = 20;
/** Characters of the longest description of a snapshot. */
const LONGEST_DESCRIPTION = 255;
/** Milliseconds after which something must be visible. */
const VISIBLE_AGE = 5 * 60_000;
/** Snapshots of one push that may fail before we stop making new ones. */
const MOST_FAILED = 20;

/** Lists snapshots of the account. */
export async function listSnapshots(
  aws: Aws,
  operation: Operation,
  region: Region,
  filters: Filter[],
): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  let next: string | undefined;
  do {
    const page = await aws.call(operation, region, 'ec2:DescribeSnapshots', (options) =>
      region.ec2.describeSnapshots(
        { OwnerIds: ['self'], Filters: filters, NextToken: next, MaxResults: 1000 },
        options,
      ),
    );
    found.push(...(page.Snapshots ?? []));
    next = page.NextToken || undefined;
  } while (next !== undefined);
  return found;
}

/** Reads a snapshot. Undefined when there is none, or not yet. */
export async function readSnapshot(
  aws: Aws,
  operation: Operation,
  region: Region,
  id: string,
): Promise<Snapshot | undefined> {
  try {
    const { Snapshots } = await aws.call(operation, region, 'ec2:DescribeSnapshots', (options) =>
      region.ec2.describeSnapshots({ SnapshotIds: [id] }, options),
    );
    return Snapshots?.[0];
  } catch (error) {
    if (hasCode(error, 'InvalidSnapshot.NotFound', 'InvalidSnapshotID.NotFound')) return undefined;
    throw error;
  }
}

/** Deletes a snapshot. @returns whether there was one */
export async function deleteSnapshot(aws: Aws, operation: Operation, region: Region, id: string): Promise<boolean> {
  try {
    await aws.call(operation, region, 'ec2:DeleteSnapshot', (options) =>
      region.ec2.deleteSnapshot({ SnapshotId: id }, options),
    );
    return true;
  } catch (error) {
    if (hasCode(error, 'InvalidSnapshot.NotFound', 'InvalidSnapshotID.NotFound')) return false;
    throw error;
  }
}

/** A snapshot that takes blocks, or that is completed. */
export interface OpenSnapshot {
  id: string;
  state: 'pending' | 'completed';
}

/** Finds the snapshot that an earlier attempt has begun, or begins one. Deletes ours that have failed. */
export async function openSnapshot(aws: Aws, operation: Operation, image: PushedImage): Promise<OpenSnapshot> {
  const region = aws.home;
  const usable: { id: string; state: 'pending' | 'completed'; at: number }[] = [];
  for (const { SnapshotId: id, State, StartTime } of await listSnapshots(aws, operation, region, filterImage(image))) {
    if (id === undefined) continue;
    if (State === 'error') await deleteSnapshot(aws, operation, region, id);
    if (State === 'pending' || State === 'completed') usable.push({ id, state: State, at: StartTime?.getTime() ?? 0 });
  }
  const [first] = usable.sort(
    (one, other) =>
      Number(other.state === 'completed') - Number(one.state === 'completed') ||
      one.at - other.at ||
      one.id.localeCompare(other.id),
  );
  return first ?? startSnapshot(aws, operation, image);
}

async function startSnapshot(aws: Aws, operation: Operation, image: PushedImage): Promise<OpenSnapshot> {
  const region = aws.home;
  const request = {
    VolumeSize: requireFit(image).volumeSize,
    Description: `imagefactory ${image.name}`.slice(0, LONGEST_DESCRIPTION),
    Tags: tagsOf(image, operation),
    Timeout: IDLE_MINUTES,
  };
  let failed: string | undefined;
  for (let count = 0; count < MOST_FAILED; count++) {
    const ClientToken = clientToken(request, failed);
    const { SnapshotId: id, StartTime } = await aws.call(operation, region, 'ebs:StartSnapshot', (options) =>
      region.ebs.startSnapshot({ ...request, ClientToken }, options),
    );
    if (id === undefined) throw new FactoryError('CloudUnavailable', 'EBS has started a snapshot without an id');
    // A repeated request is answered as the first was, whatever has become of the snapshot: so we look.
    const snapshot = await waitVisible(aws, operation, id, StartTime);
    if (snapshot?.State === 'pending' || snapshot?.State === 'completed') return { id, state: snapshot.State };
    if (snapshot !== undefined) await deleteSnapshot(aws, operation, region, id);
    failed = id;
  }
  throw new FactoryError('ImageFailed', `${MOST_FAILED} snapshots for ${image.name} have failed, one after another`, {
    hint: 'look at the snapshots’ state in the console of AWS, and push the image again under another UUID',
  });
}

async function waitVisible(
  aws: Aws,
  operation: Operation,
  id: string,
  startTime: Date | undefined,
): Promise<Snapshot | undefined> {
  for (let count = 0; ; count++) {
    const snapshot = await readSnapshot(aws, operation, aws.home, id);
    const isOld = startTime !== undefined && Date.now() - startTime.getTime() > VISIBLE_AGE;
    if (snapshot !== undefined || isOld || count >= VISIBLE_AFTER) return snapshot;
    await operation.sleep(operation.pollInterval);
  }
}

/** Waits until a snapshot is completed. @throws FactoryError ImageFailed when it has failed or is gone */
export async function waitForSnapshot(aws: Aws, operation: Operation, id: string): Promise<void> {
  for (let missing = 0; ;) {
    const snapshot = await readSnapshot(aws, operation, aws.home, id);
    if (snapshot?.State === 'completed') return;
    if (snapshot === undefined && ++missing >= VISIBLE_AFTER) {
      throw new FactoryError('ImageFailed', `the snapshot ${id} was deleted while EBS completed it`, {
        retryable: true,
      });
    }
    if (snapshot !== undefined && snapshot.State !== 'pending') {
      const said = snapshot.StateMessage || 'EBS gives no reason; a block may be missing or damaged';
      // The next attempt deletes it and begins anew.
      throw new FactoryError('ImageFailed', `the snapshot ${id} has the state ${snapshot.State ?? 'none'}: ${said}`, {
        retryable: true,
      });
    }
    operation.report({ message: `EBS completes the snapshot ${id}: ${snapshot?.Progress || '0%'}` });
    await operation.sleep(operation.pollInterval);
  }
}
