import { computeDigest, planGuestSteps, computeStepDigest } from '../../planning/plan.js';
import type { Deps } from '../shared/context.js';
import { type BuildDocuments, loadBuild } from '../shared/build-documents.js';

/**
 * The record of a build's customised instance: what the instance was made from, and which steps have run in it. It is
 * necessary because the journal in the instance does not say to which template these steps belong.
 */
interface InstanceRecord {
  serverId: string;
  /** The `instanceDigest` of the plan from which the instance was made. */
  madeFrom: string | undefined;
  /** Digests of the template's steps that have run, or may have run, in the instance, by step name. */
  ran: Record<string, string>;
  /** Digest of all steps. Set when the instance has been cleaned: after that, no further step may run in it. */
  whole?: string;
}

/** Name of the document with the record. */
const DOCUMENT = 'guest.json';

async function readInstanceRecord(deps: Deps, uuid: string): Promise<InstanceRecord | undefined> {
  const document = await deps.store.readDocument(uuid, DOCUMENT);
  return document === undefined ? undefined : (JSON.parse(document.toString('utf8')) as InstanceRecord);
}

/**
 * Changes the record of an instance. Does nothing when this instance has no record, for example because an older
 * release created it.
 */
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

/** Creates the record of an instance, if the instance has none yet. */
export async function recordInstance(deps: Deps, uuid: string, serverId: string, madeFrom?: string): Promise<void> {
  if ((await readInstanceRecord(deps, uuid))?.serverId === serverId) return;
  const record: InstanceRecord = { serverId, madeFrom, ran: {} };
  await deps.store.writeDocument(uuid, DOCUMENT, JSON.stringify(record));
}

/** Records a step before it runs. If the worker stops during the step, the record shows that the step may have run. */
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

/** Removes a failed step from the record, so that a changed step may take its place. */
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
  /**
   * Name of the template's step from which on all steps run again, even if they have run already. Unset: no step runs
   * again.
   */
  from?: string;
}

/**
 * Explains why the build's instance, or its snapshot, does not match the template and the parameters, which a user may
 * have replaced since the instance was created. In the result, `instance` or `snapshot` is undefined when it matches.
 */
export async function mismatchReason(
  deps: Deps,
  uuid: string,
  serverId: string | undefined,
  { instanceDigest, from }: ExpectedInstance,
): Promise<{ instance?: string; snapshot?: string }> {
  const record = await readInstanceRecord(deps, uuid);
  if (record === undefined || (serverId !== undefined && record.serverId !== serverId))
    return mismatchOfBoth('there is no record of what it was made from');
  if (record.madeFrom !== instanceDigest)
    return mismatchOfBoth(
      'the template or the parameters now need another installed system, network, zone, configuration drive or disk',
    );
  const steps = await listStepDigests(loadBuild(deps, uuid));
  if (record.whole !== undefined && record.whole !== computeDigest(steps)) {
    const why = 'it was made with another template';
    return from === undefined
      ? { instance: 'all steps of another template have run in it', snapshot: why }
      : { snapshot: why };
  }
  const changed = changedStep(record, steps, from);
  return changed === undefined ? {} : { instance: changed };
}

function mismatchOfBoth(why: string): { instance: string; snapshot: string } {
  return { instance: why, snapshot: why };
}

/**
 * Describes the first step that has run in the instance and has changed in the template, or is gone from the template.
 * Returns undefined when there is none.
 */
function changedStep(
  { ran }: InstanceRecord,
  steps: { name: string; digest: string }[],
  from: string | undefined,
): string | undefined {
  const first = from === undefined ? -1 : steps.findIndex(({ name }) => name === from);
  const kept = first < 0 ? steps : steps.slice(0, first);
  const other = kept.find(({ name, digest }) => Object.hasOwn(ran, name) && ran[name] !== digest);
  if (other !== undefined) return `step ${other.name} has run in it, and has changed since`;
  if (first >= 0) return undefined;
  const gone = Object.keys(ran).find((name) => !steps.some((step) => step.name === name));
  return gone === undefined ? undefined : `step ${gone} has run in it, and is gone from the template`;
}
