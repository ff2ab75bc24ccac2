import { type WorkflowState, type SweepFacts, type SweepLimits, type SweepPlan } from '../../domain/sweep.js';
import { decideSweep } from './decide-sweep.js';
import { type Deps, reportProgress } from '../shared/context.js';
import { findResources } from './find-resources.js';
import { findHeldImages, isInstalling, workflowState, readRetention } from '../shared/temporal-lookups.js';

/**
 * Maximum number of removals in one run of the sweeper, so that its history stays short. The next run continues. One
 * removal covers the resources of a build, or one shared image.
 */
const MOST_REMOVALS = 300;

/** Maximum number of kept resources that the plan lists. */
const MOST_NAMED = 1000;

/** A plan that is short enough for the history. */
export interface BoundedPlan extends SweepPlan {
  /** Number of resources that stay and are not in `kept`. */
  unnamed: number;
  /** Number of removals that are left to the next run. */
  postponed: number;
}

export interface PlanSweepInput {
  cloud: string;
  limits: SweepLimits;
}

/**
 * Finds imagefactory's resources in a cloud's project, asks Temporal for the states of their workflows, and decides
 * which resources are removed and which stay.
 */
export async function planSweep(deps: Deps, input: PlanSweepInput): Promise<BoundedPlan> {
  const { removals, kept } = await computeSweepPlan(deps, input);
  return {
    removals: removals.slice(0, MOST_REMOVALS),
    kept: kept.slice(0, MOST_NAMED),
    unnamed: Math.max(0, kept.length - MOST_NAMED),
    postponed: Math.max(0, removals.length - MOST_REMOVALS),
  };
}

async function computeSweepPlan(deps: Deps, { cloud, limits }: PlanSweepInput): Promise<SweepPlan> {
  // We read the time before we list the resources. So a resource that is created after this time is younger than any
  // age limit, and stays.
  const now = Date.now();
  const states = new Map<string, WorkflowState>();
  for (const id of new Set((await findResources(deps, cloud)).found.flatMap((resource) => resource.workflows))) {
    reportProgress({ message: `reading the state of workflow ${id}` });
    states.set(id, await workflowState(deps, id));
  }
  const installing = await isInstalling(deps);
  // We list the resources a second time, because the first list may be out of date: a build may have turned its
  // snapshot into a base image just before its workflow ended. A resource that is only in the second list stays if we
  // do not know the state of its workflow.
  const { found, referred } = await findResources(deps, cloud);
  const facts: SweepFacts = {
    now,
    limits,
    workflowStates: states,
    inUse: referred,
    installing,
    retention: await readRetention(deps),
  };
  const plan = decideSweep(found, facts);
  const removesImages = plan.removals.some(({ resources }) =>
    resources.some(({ shared }) => shared === 'jeos' || shared === 'prepared'),
  );
  if (!removesImages) return plan;
  const held = await findHeldImages(deps);
  return decideSweep(found, { ...facts, inUse: typeof held === 'string' ? held : new Set([...held, ...referred]) });
}
