import { readIcicle } from '../../icicle/icicle.js';
import type { Server } from '../../openstack/types.js';
import { type Deps, reportProgress, cancellationSignal, sleep } from '../shared/context.js';
import { mismatchReason } from '../instance/instance-record.js';
import { removeRootVolume } from '../instance/used-disk.js';
import { USABLE_STATUSES, listInstances, findSnapshot, isUsableSnapshot } from './existing-resources.js';
import { deleteServer } from '../instance/delete-server.js';
import type { BuildRef } from '../../domain/names.js';

export interface FindResumePointInput {
  ref: BuildRef;
  /** Whether to discard the customised instance and its snapshot. */
  discardCustomisation: boolean;
  /** Whether to continue in the instance itself, even when it has a snapshot. */
  ignoreSnapshot: boolean;
  /** The `instanceDigest` of the plan, with which the existing instance must have been made. */
  instanceDigest?: string;
  /** Name of the template's step from which on all steps run again. Unset: no step runs again. */
  from?: string;
}

/** The point from which a resumed build continues. */
export interface ResumePoint {
  /**
   * The customised instance that has a snapshot, complete or in progress. Unset when there is no snapshot to continue
   * from.
   */
  snapshotOf?: { serverId: string; packages: number; volumeId?: string };
  note?: string;
}

/**
 * Finds the point from which a resumed build continues: a snapshot of the customised instance; else the instance, if it
 * runs, because its journal records which steps have run in it; else the JEOS. Removes a snapshot or an instance (with
 * its root volume) that cannot be used, or that no longer matches the template and the parameters.
 */
export async function findResumePoint(deps: Deps, input: FindResumePointInput): Promise<ResumePoint> {
  reportProgress({ message: 'looking for resources of the earlier run' });
  const { ref, discardCustomisation, ignoreSnapshot } = input;
  const [server, snapshot] = await Promise.all([findInstance(deps, input), findSnapshot(deps, input)]);
  const mismatch = discardCustomisation ? {} : await mismatchReason(deps, ref.uuid, server?.id, input);
  const notes: string[] = [];
  if (
    snapshot !== undefined &&
    !discardCustomisation &&
    !ignoreSnapshot &&
    isUsableSnapshot(snapshot, server) &&
    mismatch.snapshot === undefined
  ) {
    const note = `snapshot ${snapshot.id} of the customised instance`;
    // When the instance is gone, use the build's UUID in place of the instance's id, because no instance has this id.
    return { note, snapshotOf: { serverId: server?.id ?? ref.uuid, packages: await countPackages(deps, input) } };
  }
  if (snapshot !== undefined) {
    await deps.clouds.get(ref.cloud).image.deleteImage(snapshot.id, { signal: cancellationSignal() });
    notes.push(formatRemoval(`snapshot ${snapshot.id} is removed`, mismatch.snapshot));
  }
  if (
    server !== undefined &&
    !discardCustomisation &&
    USABLE_STATUSES.includes(server.status) &&
    mismatch.instance === undefined
  ) {
    return { note: [...notes, `instance ${server.id}`].join('; ') };
  }
  if (server !== undefined) await deleteServer(deps, { ref, serverId: server.id });
  const what = server && `instance ${server.id} was ${server.status} and is removed`;
  notes.push(what === undefined ? 'no instance' : formatRemoval(what, mismatch.instance));
  // The next instance starts from the JEOS, so its root volume must be new.
  const disk = await removeRootVolume(deps, ref);
  if (disk !== undefined) notes.push(`${disk}, the root volume of the build, is removed`);
  return { note: notes.join('; ') };
}

function formatRemoval(what: string, why: string | undefined): string {
  return why === undefined ? what : `${what}: ${why}`;
}

async function findInstance(deps: Deps, input: FindResumePointInput): Promise<Server | undefined> {
  for (;;) {
    const [server] = await listInstances(deps, input);
    if (server?.['OS-EXT-STS:task_state'] !== 'deleting') return server;
    reportProgress({ message: `instance ${server.id} is being deleted` });
    await sleep(deps.pollInterval);
  }
}

async function countPackages(deps: Deps, { ref }: FindResumePointInput): Promise<number> {
  const icicle = await deps.store.readDocument(ref.uuid, 'icicle.xml');
  return icicle === undefined ? 0 : readIcicle(icicle.toString('utf8')).packages.length;
}
