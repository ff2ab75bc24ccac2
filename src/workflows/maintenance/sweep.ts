import type { CloudSweep, SweepInput, SweepResult, SweptResource } from '../../domain/messages.js';
import type { FoundResource, Removal } from '../../domain/sweep-rules.js';
import type { BoundedPlan, RemovedLeftovers } from '../../activities/cleanup/sweep.js';
import { call } from '../lifecycle/activity-options.js';
import { describeFailure, isCanceled } from '../lifecycle/failures.js';

/** Seconds. */
const HEARTBEAT = 60;

/**
 * Removes from clouds what belongs to no living build: the oldest things first. What cannot be removed, and a cloud
 * that does not answer, do not keep the rest from going.
 */
export async function sweep(input: SweepInput): Promise<SweepResult> {
  return { clouds: await Promise.all(input.clouds.map((cloud) => sweepCloud(cloud, input))) };
}

async function sweepCloud(cloud: string, input: SweepInput): Promise<CloudSweep> {
  const began = Date.now();
  const result: CloudSweep = { cloud, resources: [], unnamed: 0, postponed: 0 };
  let plan: BoundedPlan;
  try {
    plan = await call('planSweep', [{ cloud, limits: input.limits }], {
      summary: `find what is ours in ${cloud}, and whose it is`,
      budget: { total: 1800 },
      heartbeatTimeout: HEARTBEAT,
    });
  } catch (error) {
    if (isCanceled(error)) throw error;
    return { ...result, failure: describeFailure(error).message };
  }
  const named = (thing: FoundResource, outcome: SweptResource['outcome'], why: string): void => {
    result.resources.push(swept(thing, outcome, why, began));
  };
  for (const removal of plan.removals) {
    const report = input.dryRun ? undefined : await removed(cloud, removal);
    for (const thing of removal.things) {
      const failure = report?.failed.find((failed) => failed.thing === `${thing.kind} ${thing.id}`);
      if (failure !== undefined) named(thing, 'failed', failure.why);
      else named(thing, input.dryRun ? 'removable' : 'removed', removal.why);
    }
  }
  for (const { thing, why } of plan.kept) named(thing, 'kept', why);
  return { ...result, unnamed: plan.unnamed, postponed: plan.postponed };
}

/** What became of things that go together; when the step itself fails, nobody knows more than that. */
async function removed(cloud: string, removal: Removal): Promise<RemovedLeftovers> {
  const [first] = removal.things;
  const whose = removal.build === undefined ? `${first?.kind} ${first?.name}` : `what is left of ${removal.build}`;
  try {
    return await call('removeLeftovers', [{ cloud, removal }], {
      summary: `remove ${whose}: ${removal.why}`,
      budget: { total: 1800, attempt: 1200 },
      heartbeatTimeout: HEARTBEAT,
    });
  } catch (error) {
    if (isCanceled(error)) throw error;
    const why = describeFailure(error).message;
    return { removed: [], failed: removal.things.map(({ kind, id }) => ({ thing: `${kind} ${id}`, why })) };
  }
}

function swept(thing: FoundResource, outcome: SweptResource['outcome'], why: string, now: number): SweptResource {
  const { kind, id, name, build, created } = thing;
  return {
    kind,
    id,
    name,
    ...(build === undefined ? {} : { build }),
    age: created === undefined ? null : Math.max(0, Math.round((now - created) / 1000)),
    outcome,
    why,
  };
}
