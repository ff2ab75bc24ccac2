import type { CloudSweep, ProviderSweep, SweepInput, SweepResult, SweptResource } from '../../domain/sweep-report.js';
import type { FoundResource, Removal } from '../../domain/sweep.js';
import type { BoundedPlan } from '../../activities/sweep/plan-sweep.js';
import { callActivity } from '../lifecycle/activity-options.js';
import { describeFailure, isCanceled } from '../lifecycle/failures.js';
import { answerClient } from './answer-client.js';
import type { RemovedLeftovers } from '../../activities/sweep/remove-leftovers.js';

/**
 * Removes the resources that belong to no running build from the clouds, the oldest first, and what ended pushes have
 * left from the providers. When a resource cannot be
 * removed or a cloud does not answer, the sweep goes on with the other resources and clouds.
 */
export async function sweep(input: SweepInput): Promise<SweepResult> {
  const { clouds, providers = [] } = input;
  const sweepAll = async (): Promise<SweepResult> => {
    const [sweptClouds, sweptProviders] = await Promise.all([
      Promise.all(clouds.map((cloud) => sweepCloud(cloud, input))),
      Promise.all(providers.map((provider) => sweepProvider(provider, input))),
    ]);
    return { clouds: sweptClouds, ...(providers.length === 0 ? {} : { providers: sweptProviders }) };
  };
  return input.dryRun ? answerClient(sweepAll) : sweepAll();
}

async function sweepProvider(provider: string, { limits, dryRun }: SweepInput): Promise<ProviderSweep> {
  const { olderThan } = limits;
  try {
    const resources = await callActivity(
      'sweepProvider',
      { provider, olderThan, dryRun },
      { summary: `find what ended pushes have left at provider ${provider}`, budget: { total: 3600, attempt: 1800 } },
    );
    return { provider, resources };
  } catch (error) {
    if (isCanceled(error)) throw error;
    return { provider, resources: [], failure: describeFailure(error).message };
  }
}

async function sweepCloud(cloud: string, { limits, dryRun }: SweepInput): Promise<CloudSweep> {
  const began = Date.now();
  const sweepResult: CloudSweep = { cloud, resources: [], unnamed: 0, postponed: 0 };
  let plan: BoundedPlan;
  try {
    plan = await callActivity(
      'planSweep',
      { cloud, limits },
      {
        summary: `find our resources in ${cloud}, and the builds that they belong to`,
        budget: { total: 1800 },
      },
    );
  } catch (error) {
    if (isCanceled(error)) throw error;
    return { ...sweepResult, failure: describeFailure(error).message };
  }
  const report = (resource: FoundResource, outcome: SweptResource['outcome'], why: string): void => {
    sweepResult.resources.push(toSweptResource(resource, outcome, why, began));
  };
  for (const removal of plan.removals) {
    const removed = dryRun ? undefined : await removeTogether(cloud, removal);
    for (const resource of removal.resources) {
      const failure = removed?.failed.find((failed) => failed.resource === `${resource.kind} ${resource.id}`);
      if (failure !== undefined) report(resource, 'failed', failure.why);
      else report(resource, dryRun ? 'removable' : 'removed', removal.why);
    }
  }
  for (const { resource, why } of plan.kept) report(resource, 'kept', why);
  return { ...sweepResult, unnamed: plan.unnamed, postponed: plan.postponed };
}

/**
 * Removes resources that belong together. When the activity itself fails, returns its failure for each of the
 * resources.
 */
async function removeTogether(cloud: string, removal: Removal): Promise<RemovedLeftovers> {
  const [first] = removal.resources;
  const what = removal.build === undefined ? `${first?.kind} ${first?.name}` : `the leftovers of ${removal.build}`;
  try {
    return await callActivity(
      'removeLeftovers',
      { cloud, removal },
      {
        summary: `remove ${what}: ${removal.why}`,
        budget: { total: 1800, attempt: 1200 },
      },
    );
  } catch (error) {
    if (isCanceled(error)) throw error;
    const why = describeFailure(error).message;
    return { removed: [], failed: removal.resources.map(({ kind, id }) => ({ resource: `${kind} ${id}`, why })) };
  }
}

function toSweptResource(
  { kind, id, name, build, created }: FoundResource,
  outcome: SweptResource['outcome'],
  why: string,
  now: number,
): SweptResource {
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
