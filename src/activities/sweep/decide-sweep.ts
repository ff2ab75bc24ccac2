import { defined } from '../../domain/defined.js';
import {
  formatDuration,
  RESOURCE_KINDS,
  type FoundResource,
  type Removal,
  type SweepFacts,
  type SweepPlan,
} from '../../domain/sweep.js';

/**
 * The rules by which the sweeper decides what it removes, and why: pure functions of the resources in a project, the
 * states of the workflows, and the time. In doubt, the sweeper keeps a resource: it removes only what certainly no
 * build needs.
 */

/**
 * Seconds for which a shared image stays after its creation or last use, and an unfinished medium after its creation,
 * even if `olderThan` is shorter.
 */
const RECENT_USE = 600;

/** Decides which resources are removed and which are kept, each with a reason. */
export function decideSweep(found: readonly FoundResource[], facts: SweepFacts): SweepPlan {
  const plan: SweepPlan = { removals: [], kept: [] };
  const jeos = found.filter(({ shared }) => shared === 'jeos').sort(compareLastUse);
  for (const resources of groupByBuild(found)) {
    const why = reasonToKeepAll(resources, facts);
    if (why === undefined) decideGroup(plan, resources, jeos, facts);
    else plan.kept.push(...resources.map((resource) => ({ resource, why })));
  }
  plan.removals.sort((one, other) => findOldest(one) - findOldest(other));
  return plan;
}

/**
 * Decides about the resources of an ended build. Its result stays, a shared image is judged on its own, and the other
 * resources are removed or kept together.
 */
function decideGroup(plan: SweepPlan, resources: FoundResource[], jeos: FoundResource[], facts: SweepFacts): void {
  const own: FoundResource[] = [];
  for (const resource of resources) {
    if (resource.result !== undefined) plan.kept.push({ resource, why: resource.result });
    else if (resource.shared === undefined) own.push(resource);
    else {
      const { goes, why } = judgeShared(resource, jeos.indexOf(resource), facts);
      if (goes) plan.removals.push(createRemoval([resource], why));
      else plan.kept.push({ resource, why });
    }
  }
  if (own.length === 0) return;
  const why = reasonToKeepOwn(own, facts);
  if (why === undefined) plan.removals.push(createRemoval(own, reasonToRemove(own, facts)));
  else plan.kept.push(...own.map((resource) => ({ resource, why })));
}

/** Groups resources by build; a resource without a build is a group of its own. */
function groupByBuild(found: readonly FoundResource[]): FoundResource[][] {
  const groups = new Map<string, FoundResource[]>();
  for (const resource of found) {
    const key = resource.build ?? `${resource.kind} ${resource.id}`;
    groups.set(key, [...(groups.get(key) ?? []), resource]);
  }
  return [...groups.values()];
}

function listWorkflows(resources: readonly FoundResource[]): string[] {
  return [...new Set(resources.flatMap(({ workflows }) => workflows))];
}

function reasonToKeepAll(resources: FoundResource[], { workflowStates, now }: SweepFacts): string | undefined {
  const running = listWorkflows(resources).find((id) => (workflowStates.get(id) ?? 'running') === 'running');
  if (running !== undefined) return `its build is running: ${running}`;
  const expires = Math.max(...resources.map((resource) => resource.expires ?? -Infinity));
  if (expires > now)
    return Number.isFinite(expires) ? `kept until ${formatDate(expires)}` : 'kept until a user removes it';
  return undefined;
}

/**
 * Returns the reason to keep the resources of a build; undefined when they can be removed. They are removed together,
 * so the age of the youngest one counts.
 */
function reasonToKeepOwn(resources: FoundResource[], facts: SweepFacts): string | undefined {
  const { now, limits, installing } = facts;
  const ownerless = resources.find(({ build, medium }) => build === undefined && medium === undefined);
  if (ownerless !== undefined) return 'carries no build’s mark';
  if (installing && resources.some(({ medium }) => medium === 'unfinished'))
    return 'a JEOS installation is running, which may be uploading it';
  const unknown = resources.find(({ created }) => created === undefined);
  if (unknown !== undefined) return `the cloud does not report the age of ${unknown.kind} ${unknown.name}`;
  const youngest = Math.max(...resources.map(({ created }) => created ?? now));
  const isUnfinished = resources.some(({ medium }) => medium === 'unfinished');
  const limit = Math.max(limits.olderThan, isUnfinished ? RECENT_USE : 0);
  if (now - youngest < limit * 1000) return `younger than ${formatDuration(limit)}`;
  // Temporal keeps an ended workflow for its retention time. If a resource is younger than this time and Temporal has
  // no workflow for it, the resource belongs to a build of another Temporal server.
  const isForeign = isForgotten(resources, facts) && now - youngest < facts.retention * 1000;
  return isForeign
    ? 'Temporal has no workflow of its build, although it is younger than Temporal’s retention'
    : undefined;
}

/** Whether Temporal has none of the workflows that may be responsible for the resources. */
function isForgotten(resources: FoundResource[], { workflowStates }: SweepFacts): boolean {
  const workflows = listWorkflows(resources);
  return workflows.length > 0 && workflows.every((id) => workflowStates.get(id) === 'unknown');
}

function reasonToRemove(resources: FoundResource[], facts: SweepFacts): string {
  if (resources[0]?.build === undefined) return 'was never finished';
  return isForgotten(resources, facts)
    ? 'Temporal no longer has the workflow of its build'
    : `its build has ended: ${listWorkflows(resources)
        .filter((id) => facts.workflowStates.get(id) !== 'unknown')
        .join(', ')}`;
}

/**
 * Decides whether a shared image is removed, and why.
 * @param rank number of JEOS images that were used later than this JEOS; -1 for other images, because their number is
 *   not limited
 */
function judgeShared(
  resource: FoundResource,
  rank: number,
  { now, limits, inUse, installing }: SweepFacts,
): { goes: boolean; why: string } {
  const stays = (why: string) => ({ goes: false, why });
  const last = readLastUse(resource);
  if (last === undefined) return stays('the cloud does not report its age');
  const unused = now - last > limits.unusedFor * 1000;
  const beyond = rank >= limits.jeosKeep;
  if (!unused && !beyond) return stays('builds may start from it');
  if (now - last < Math.max(limits.olderThan, RECENT_USE) * 1000) {
    return stays(`used less than ${formatDuration(Math.max(limits.olderThan, RECENT_USE))} ago`);
  }
  if (typeof inUse === 'string') return stays(inUse);
  if (inUse.has(resource.id)) return stays('is in use');
  if (resource.shared === 'media' && installing)
    return stays('a JEOS installation is running, which may have chosen it');
  const why = unused
    ? `not used for ${formatDuration(limits.unusedFor)}`
    : `the sweeper keeps only the ${limits.jeosKeep} JEOS images that were used last`;
  return { goes: true, why };
}

/**
 * Returns the time when a build last claimed a shared image, or the time of its creation if no claim is recorded.
 * Returns undefined when the time of its creation is not known.
 */
function readLastUse({ created, used }: FoundResource): number | undefined {
  return created === undefined ? undefined : Math.max(created, used ?? created);
}

/** Sorts the image that was used last first. Images with equal times are sorted by id. */
function compareLastUse(one: FoundResource, other: FoundResource): number {
  const [first, second] = [readLastUse(one) ?? Infinity, readLastUse(other) ?? Infinity];
  return first === second ? one.id.localeCompare(other.id) : first > second ? -1 : 1;
}

function createRemoval(resources: FoundResource[], why: string): Removal {
  const [first] = resources;
  const sorted = [...resources].sort(
    (one, other) =>
      RESOURCE_KINDS.indexOf(one.kind) - RESOURCE_KINDS.indexOf(other.kind) ||
      (one.created ?? 0) - (other.created ?? 0),
  );
  return {
    ...defined({ build: first?.build }),
    workflows: listWorkflows(resources),
    resources: sorted,
    why,
  };
}

function findOldest({ resources }: Removal): number {
  return Math.min(...resources.map(({ created }) => created ?? Infinity));
}

function formatDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
}
