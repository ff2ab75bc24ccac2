import { defined } from './defined.js';

/**
 * Decides what the sweeper removes, and why: a pure function of the resources in a project, the states of the
 * workflows, and the time. In doubt it keeps a resource: it removes only what certainly no build needs.
 */

/** The kinds of resources that can carry our mark, in the order of their removal: an instance uses the others. */
const RESOURCE_KINDS = ['instance', 'volume', 'floating IP', 'port', 'security group', 'key pair', 'image'] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

/** A resource in a project that carries our mark. Times are milliseconds since the epoch. */
export interface FoundResource {
  kind: ResourceKind;
  /** The id; for a key pair, its name. */
  id: string;
  name: string;
  /** The build in its mark: a build's UUID, or the first run id of a JEOS installation. */
  build?: string;
  /** Ids of the workflows that may be responsible for it. */
  workflows: string[];
  /** Time of its creation. Undefined if the cloud does not tell: then it stays. */
  created?: number;
  /** Time until which it is kept on purpose. */
  expires?: number;
  /** Set on a complete JEOS or installer medium, from which any build may start. */
  shared?: 'jeos' | 'media';
  /** Time when a build last chose it, if it is shared and that time is recorded. */
  used?: number;
  /** Set on an installer medium that no build may use: its upload has not ended, or a sweep was interrupted. */
  medium?: 'unfinished' | 'retired';
  /** Set on an image that is a build's result and is never removed: the reason. */
  result?: string;
}

/** State of a workflow in Temporal. `unknown`: Temporal has no such workflow, or has it no longer. */
export type WorkflowState = 'running' | 'completed' | 'ended' | 'unknown';

/** Limits of the sweeper: seconds, except for the number of JEOS images. */
export interface SweepLimits {
  /** Younger resources stay. */
  olderThan: number;
  /** The most JEOS images that a cloud keeps: those used last. */
  jeosKeep: number;
  /** A JEOS or a medium is removed when no build has chosen it for so long. */
  unusedFor: number;
}

/** The facts for the decision, in addition to the resources. */
export interface SweepFacts {
  /** Milliseconds since the epoch. */
  now: number;
  limits: SweepLimits;
  /** States by workflow id; a missing workflow counts as running. */
  workflowStates: ReadonlyMap<string, WorkflowState>;
  /**
   * Ids of images that an instance, a boot image or a running build uses; a string: the reason why they are not known.
   */
  inUse: ReadonlySet<string> | string;
  /** Seconds for which Temporal keeps a workflow that has ended (the namespace's retention). */
  retention: number;
  /** Whether a JEOS installation runs: it may have chosen media, which no resource shows yet. */
  installing: boolean;
}

/** Resources that are removed together: those of a build, or one that is shared. */
export interface Removal {
  build?: string;
  /** The sweeper checks the states of these workflows again just before the removal. */
  workflows: string[];
  resources: FoundResource[];
  why: string;
}

export interface SweepPlan {
  /** Oldest first. */
  removals: Removal[];
  kept: { resource: FoundResource; why: string }[];
}

/** Seconds for which a shared image stays after its creation or last use, even if `olderThan` is shorter. */
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

/** Decides about an ended build: results stay, a shared image is judged on its own, the rest goes or stays together. */
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

/** A build's resources are removed together, so the youngest of them decides. */
function reasonToKeepOwn(resources: FoundResource[], facts: SweepFacts): string | undefined {
  const { now, limits, installing } = facts;
  const ownerless = resources.find(({ build, medium }) => build === undefined && medium === undefined);
  if (ownerless !== undefined) return 'carries no build’s mark';
  if (installing && resources.some(({ medium }) => medium === 'unfinished'))
    return 'a JEOS installation is running, which may be uploading it';
  const unknown = resources.find(({ created }) => created === undefined);
  if (unknown !== undefined) return `the cloud does not say how old ${unknown.kind} ${unknown.name} is`;
  const youngest = Math.max(...resources.map(({ created }) => created ?? now));
  const isUnfinished = resources.some(({ medium }) => medium === 'unfinished');
  const limit = Math.max(limits.olderThan, isUnfinished ? RECENT_USE : 0);
  if (now - youngest < limit * 1000) return `younger than ${formatDuration(limit)}`;
  // Temporal would still know a build of ours that has created a resource since then: this one belongs to another
  // Temporal.
  const isForeign = isForgotten(resources, facts) && now - youngest < facts.retention * 1000;
  return isForeign ? 'Temporal does not know its build, although it is younger than the retention' : undefined;
}

/** Whether Temporal knows none of the workflows that may be responsible for a build's resources. */
function isForgotten(resources: FoundResource[], { workflowStates }: SweepFacts): boolean {
  const workflows = listWorkflows(resources);
  return workflows.length > 0 && workflows.every((id) => workflowStates.get(id) === 'unknown');
}

function reasonToRemove(resources: FoundResource[], facts: SweepFacts): string {
  if (resources[0]?.build === undefined) return 'was never finished';
  return isForgotten(resources, facts)
    ? 'Temporal no longer knows its build'
    : `its build has ended: ${listWorkflows(resources).join(', ')}`;
}

/**
 * Decides about a shared image.
 * @param rank how many JEOS images were used later; -1 for a medium, because the number of media is not limited
 */
function judgeShared(
  resource: FoundResource,
  rank: number,
  { now, limits, inUse, installing }: SweepFacts,
): { goes: boolean; why: string } {
  const stays = (why: string) => ({ goes: false, why });
  const last = readLastUse(resource);
  if (last === undefined) return stays('the cloud does not say how old it is');
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
    : `more than ${limits.jeosKeep} JEOS images, and the others were used later`;
  return { goes: true, why };
}

/** Returns the latest known time when a shared image was chosen. */
function readLastUse({ created, used }: FoundResource): number | undefined {
  return created === undefined ? undefined : Math.max(created, used ?? created);
}

/** Sorts the last used first; equal times are sorted by id. */
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

/** Formats seconds in a suitable unit: `45 s`, `90 min`, `36 h`, `30 d`. */
export function formatDuration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
