import { computeDigest, planGuestSteps, computeStepDigest } from '../../planning/plan.js';
import type { Deps } from '../shared/context.js';
import { type BuildDocuments, loadBuild } from '../shared/build-documents.js';

/** What a build's customised instance was made from, and what has been done in it: of which run's template, the instance itself does not say. */
interface InstanceRecord {
  serverId: string;
  /** {@link PlannedBuild.instanceDigest} of the plan that it was made by. */
  madeFrom: string | undefined;
  /** Digests of the template's steps that have run in it, or may have, by their names. */
  ran: Record<string, string>;
  /** Digest of all steps, once it was cleaned: no step is to run in it any more. */
  whole?: string;
}

/** Document that has it. */
const DOCUMENT = 'guest.json';

async function readInstanceRecord(deps: Deps, uuid: string): Promise<InstanceRecord | undefined> {
  const document = await deps.store.readDocument(uuid, DOCUMENT);
  return document === undefined ? undefined : (JSON.parse(document.toString('utf8')) as InstanceRecord);
}

/** Changes what is known of an instance. One that an older release made has no record. */
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

/** Begins the record of a new instance; that of an instance that is known stays. */
export async function recordInstance(deps: Deps, uuid: string, serverId: string, madeFrom?: string): Promise<void> {
  if ((await readInstanceRecord(deps, uuid))?.serverId === serverId) return;
  const record: InstanceRecord = { serverId, madeFrom, ran: {} };
  await deps.store.writeDocument(uuid, DOCUMENT, JSON.stringify(record));
}

/** Before a step is run: it may have run from now on. */
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

/** A step that has failed is not done: another may take its place. */
export function forgetStep(deps: Deps, uuid: string, serverId: string, name: string): Promise<void> {
  return changeInstanceRecord(deps, uuid, serverId, ({ ran }) => {
    delete ran[name];
  });
}

/** The instance is what its template says, and nothing more is to run in it. */
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

/** What a plan wants of the instance that an earlier run has made. */
export interface ExpectedInstance {
  instanceDigest?: string;
  /** This step of the template and what follows is done anew in it, whatever has run. */
  from?: string;
}

/**
 * Why the build's instance, or the snapshot of it, is not what template and parameters ask for now, which may be others than those
 * that it was made by; undefined when it is.
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

/** The first step that has run in the instance and is not what it was. */
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
