import { computeDigest, planGuestSteps, computeStepDigest } from '../../planning/plan.js';
import type { Deps } from '../shared/context.js';
import { type BuildDocuments, loadBuild } from '../shared/build-documents.js';

/**
 * Records from what a build's customised instance was made, and which steps have run in it. The instance itself does
 * not say to which run's template they belong.
 */
interface InstanceRecord {
  serverId: string;
  /** The instanceDigest of the plan by which it was made. */
  madeFrom: string | undefined;
  /** Digests of the template's steps that have run in it, or may have, keyed by their names. */
  ran: Record<string, string>;
  /** Digest of all steps, once the instance was cleaned: no further step may run in it. */
  whole?: string;
}

/** Name of the document with the record. */
const DOCUMENT = 'guest.json';

async function readInstanceRecord(deps: Deps, uuid: string): Promise<InstanceRecord | undefined> {
  const document = await deps.store.readDocument(uuid, DOCUMENT);
  return document === undefined ? undefined : (JSON.parse(document.toString('utf8')) as InstanceRecord);
}

/** Changes the record of an instance. An instance of an older release has none. */
async function changeInstanceRecord(
  deps: Deps,
  uuid: string,
  serverId: string,
  how: (record: InstanceRecord) => void,
): Promise<void> {
  const record = await readInstanceRecord(deps, uuid);
  if (record?.serverId !== serverId) return;
  how(record);
  await deps.store.writeDocument(uuid, DOCUMENT, JSON.stringify(record));
}

/** Creates the record of a new instance. The record of a known instance stays. */
export async function recordInstance(deps: Deps, uuid: string, serverId: string, madeFrom?: string): Promise<void> {
  if ((await readInstanceRecord(deps, uuid))?.serverId === serverId) return;
  const record: InstanceRecord = { serverId, madeFrom, ran: {} };
  await deps.store.writeDocument(uuid, DOCUMENT, JSON.stringify(record));
}

/** Records a step before it runs: from now on it may have run. */
export function recordStep(
  deps: Deps,
  uuid: string,
  serverId: string,
  step: { name: string; digest: string },
): Promise<void> {
  return changeInstanceRecord(deps, uuid, serverId, ({ ran }) => {
    ran[step.name] = step.digest;
  });
}

/** Removes a failed step from the record: another step may take its place. */
export function forgetStep(deps: Deps, uuid: string, serverId: string, name: string): Promise<void> {
  return changeInstanceRecord(deps, uuid, serverId, ({ ran }) => {
    delete ran[name];
  });
}

/** Records that all steps of the template have run in the instance, and that no further step may run in it. */
export async function recordAllSteps(deps: Deps, build: BuildDocuments, serverId: string): Promise<void> {
  const digest = computeDigest(await listStepDigests(build));
  await changeInstanceRecord(deps, build.uuid, serverId, (record) => {
    record.whole = digest;
  });
}

async function listStepDigests(build: BuildDocuments): Promise<{ name: string; digest: string }[]> {
  return planGuestSteps(await build.template(), await build.profile()).map((step) => ({
    name: step.name,
    digest: computeStepDigest(step),
  }));
}

/** What a plan requires of an instance that an earlier run has made. */
export interface ExpectedInstance {
  instanceDigest?: string;
  /** The template's step from which on all steps are repeated, whether they have run or not. */
  from?: string;
}

/**
 * Explains why the build's instance, or its snapshot, does not match the template and the parameters, which a user may
 * have replaced since. A field is undefined when its resource matches.
 */
export async function mismatchReason(
  deps: Deps,
  uuid: string,
  serverId: string | undefined,
  { instanceDigest, from }: ExpectedInstance,
): Promise<{ instance?: string; snapshot?: string }> {
  const record = await readInstanceRecord(deps, uuid);
  if (record === undefined || (serverId !== undefined && record.serverId !== serverId))
    return mismatchOfBoth('what it was made from has not been written down');
  if (record.madeFrom !== instanceDigest)
    return mismatchOfBoth(
      'template or parameters ask for another installed system, network, zone, configuration drive or disk',
    );
  const steps = await listStepDigests(loadBuild(deps, uuid));
  if (record.whole !== undefined && record.whole !== computeDigest(steps)) {
    const why = 'it was taken of another template';
    return from === undefined ? { instance: 'it is whole after another template', snapshot: why } : { snapshot: why };
  }
  const changed = changedStep(record, steps, from);
  return changed === undefined ? {} : { instance: changed };
}

function mismatchOfBoth(why: string): { instance: string; snapshot: string } {
  return { instance: why, snapshot: why };
}

/** Describes the first step that has run in the instance and has changed since. */
function changedStep(
  { ran }: InstanceRecord,
  steps: { name: string; digest: string }[],
  from: string | undefined,
): string | undefined {
  const first = from === undefined ? -1 : steps.findIndex(({ name }) => name === from);
  const kept = first < 0 ? steps : steps.slice(0, first);
  const other = kept.find(({ name, digest }) => Object.hasOwn(ran, name) && ran[name] !== digest);
  if (other !== undefined) return `${other.name} has run in it, and is changed`;
  if (first >= 0) return undefined;
  const gone = Object.keys(ran).find((name) => !steps.some((step) => step.name === name));
  return gone === undefined ? undefined : `${gone} has run in it, and is gone from the template`;
}
