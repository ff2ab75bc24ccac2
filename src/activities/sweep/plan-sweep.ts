import {
  decideSweep,
  type WorkflowState,
  type SweepFacts,
  type SweepLimits,
  type SweepPlan,
} from '../../domain/sweep-rules.js';
import { type Deps, reportProgress } from '../shared/context.js';
import { findResources } from './find-resources.js';
import { findHeldJeosImages, isInstalling, workflowState, readRetention } from '../shared/temporal-lookups.js';

/** How many builds' things a run removes, so that its history stays short; the next run goes on. */
const MOST_REMOVALS = 300;

/** How many of the things that stay are named. */
const MOST_NAMED = 1000;

/** A plan as it enters the history. */
export interface BoundedPlan extends SweepPlan {
  /** How many things stay that `kept` does not name. */
  unnamed: number;
  /** How many removals are left to the next run. */
  postponed: number;
}

export interface PlanSweepInput {
  cloud: string;
  limits: SweepLimits;
}

/** Finds everything of ours in a cloud's project, asks Temporal whose it is, and says what goes and what stays. */
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
  // The time comes first: what is made from now on is younger than any limit.
  const now = Date.now();
  const lives = new Map<string, WorkflowState>();
  for (const id of new Set((await findResources(deps, cloud)).found.flatMap((thing) => thing.workflows))) {
    reportProgress({ message: `asking Temporal about ${id}` });
    lives.set(id, await workflowState(deps, id));
  }
  const installing = await isInstalling(deps);
  // Looked at again, because only what a build has after its end is what it has left: until then it may still turn a
  // snapshot into a base image. What has come since belongs to workflows that were not asked about, and stays.
  const { found, referred } = await findResources(deps, cloud);
  const facts: SweepFacts = { now, limits, lives, inUse: referred, installing, retention: await readRetention(deps) };
  const plan = decideSweep(found, facts);
  if (!plan.removals.some(({ things }) => things.some(({ shared }) => shared === 'jeos'))) return plan;
  const held = await findHeldJeosImages(deps);
  return decideSweep(found, { ...facts, inUse: typeof held === 'string' ? held : new Set([...held, ...referred]) });
}
