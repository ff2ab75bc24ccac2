import { AwsError, matchesTag, page, type Parameters, tagSet } from './query.js';
import type { Behaviour, FakeSnapshot, RegionState } from './state.js';

export function describeSnapshots(
  parameters: Parameters,
  region: RegionState,
  behaviour: Behaviour,
  account: string,
): unknown {
  const ids = parameters.list('SnapshotId');
  const owners = parameters.list('Owner');
  const filters = parameters.filters();
  const token = parameters.optional('NextToken');
  const size = parameters.optional('MaxResults');
  parameters.refuseUnknown();
  if (ids.length > 0 && size !== undefined) {
    throw new AwsError('InvalidParameterCombination', 'The parameter snapshotSet cannot be used with maxResults');
  }
  // Without owners, EC2 answers the public snapshots of everybody too.
  if (ids.length === 0 && !owners.includes('self')) throw new Error('the request lists everybody’s snapshots');
  const visible = [...region.snapshots.values()].filter((snapshot) => ask(snapshot, behaviour));
  for (const id of ids) {
    if (visible.every((one) => one.id !== id)) {
      throw new AwsError('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
    }
  }
  const found = visible.filter((snapshot) => {
    const isNamed = ids.length === 0 || ids.includes(snapshot.id);
    return isNamed && filters.every(({ name, values }) => matches(snapshot, name, values));
  });
  const { items, nextToken } = page(found, token, Math.min(behaviour.pageSize, Number(size ?? 1000)));
  return { snapshotSet: items.map((snapshot) => describe(snapshot, account)), nextToken };
}

/** Moves a sealed snapshot on. @returns whether it is visible */
function ask(snapshot: FakeSnapshot, { completeAfter, snapshotsFail }: Behaviour): boolean {
  if (snapshot.hiddenFor > 0) {
    snapshot.hiddenFor--;
    return false;
  }
  if (snapshot.isSealed && snapshot.state === 'pending' && ++snapshot.asked > completeAfter) {
    snapshot.state = snapshot.isRight && snapshotsFail === undefined ? 'completed' : 'error';
    snapshot.stateMessage = snapshotsFail ?? '';
  }
  return true;
}

function matches(snapshot: FakeSnapshot, name: string, values: string[]): boolean {
  const byTag = matchesTag(snapshot.tags, name, values);
  if (byTag === undefined) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  return byTag;
}

function describe(snapshot: FakeSnapshot, account: string): unknown {
  return {
    snapshotId: snapshot.id,
    volumeId: 'vol-ffffffff',
    status: snapshot.state,
    statusMessage: snapshot.stateMessage || undefined,
    startTime: snapshot.startTime,
    progress: snapshot.state === 'completed' ? '100%' : '0%',
    ownerId: account,
    volumeSize: snapshot.volumeSize,
    description: snapshot.description,
    encrypted: false,
    tagSet: tagSet(snapshot.tags),
  };
}

export function deleteSnapshot(parameters: Parameters, region: RegionState): unknown {
  const id = parameters.required('SnapshotId');
  parameters.refuseUnknown();
  if (!region.snapshots.has(id)) throw new AwsError('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
  const user = [...region.images.values()].find(({ snapshot }) => snapshot === id);
  if (user !== undefined) {
    throw new AwsError('InvalidSnapshot.InUse', `The snapshot ${id} is currently in use by ${user.id}`);
  }
  region.snapshots.delete(id);
  return { return: true };
}
