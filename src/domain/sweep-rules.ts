/**
 * What the sweeper removes, and why: a pure decision over what was found in a project, which builds live, and the time.
 * It errs on the side of keeping: what it does not know for certain to be nobody's stays.
 */

/** What can carry our mark, in the order in which it can be removed: an instance holds the others. */
export const RESOURCE_KINDS = [
  'instance',
  'volume',
  'floating IP',
  'port',
  'security group',
  'key pair',
  'image',
] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

/** One thing in a project that carries our mark. Times are milliseconds since 1970. */
export interface FoundResource {
  kind: ResourceKind;
  /** A key pair's is its name. */
  id: string;
  name: string;
  /** Whose mark it carries: a build's UUID, or the first run id of an installer's run. */
  build?: string;
  /** Workflows that may answer for it. */
  workflows: string[];
  /** Undefined where the cloud does not say: then it stays. */
  created?: number;
  /** When it may go, if it was kept on purpose. */
  expires?: number;
  /** A whole JEOS or installer medium, which any build may start from. */
  shared?: 'jeos' | 'media';
  /** When a build last chose it, where it is shared and that was noted. */
  used?: number;
  /** An installer medium that no build may start from: its upload has not ended, or a sweep was interrupted. */
  medium?: 'unfinished' | 'retired';
  /** Why an image is somebody's result and never goes. */
  result?: string;
}

/** What Temporal says of a workflow; `unknown`: that there is none, or none any more. */
export type WorkflowState = 'living' | 'completed' | 'ended' | 'unknown';

/** All in seconds, but for the number of JEOS images. */
export interface SweepLimits {
  /** Younger things stay. */
  olderThan: number;
  /** How many JEOS images a cloud keeps at the most: those used last. */
  jeosKeep: number;
  /** A JEOS or a medium that no build has chosen for so long goes. */
  unusedFor: number;
}

/** What is known besides the things themselves. */
export interface SweepFacts {
  /** Milliseconds since 1970. */
  now: number;
  limits: SweepLimits;
  /** By workflow id; one that is not there counts as living. */
  workflowStates: ReadonlyMap<string, WorkflowState>;
  /** Ids of images that an instance, a boot image or a living build depends on; a text says why nobody knows. */
  inUse: ReadonlySet<string> | string;
  /** Seconds for which Temporal remembers a workflow that has ended. */
  retention: number;
  /** Whether an installer's run lives: it may have chosen media that nothing shows yet. */
  installing: boolean;
}

/** Things that go together: those of a build, or one that is shared. */
export interface Removal {
  build?: string;
  /** Asked again right before anything is removed. */
  workflows: string[];
  things: FoundResource[];
  why: string;
}

export interface SweepPlan {
  /** Oldest first. */
  removals: Removal[];
  kept: { thing: FoundResource; why: string }[];
}

/** A shared image begun or chosen a moment ago may have no other sign of it yet, however short `olderThan` is. Seconds. */
const RECENT_USE = 600;

/** What goes and what stays, each with its reason. */
export function decideSweep(found: readonly FoundResource[], facts: SweepFacts): SweepPlan {
  const plan: SweepPlan = { removals: [], kept: [] };
  const jeos = found.filter(({ shared }) => shared === 'jeos').sort(compareLastUse);
  for (const things of groupByBuild(found)) {
    const why = reasonToKeepAll(things, facts);
    if (why === undefined) decideGroup(plan, things, jeos, facts);
    else plan.kept.push(...things.map((thing) => ({ thing, why })));
  }
  plan.removals.sort((one, other) => findOldest(one) - findOldest(other));
  return plan;
}

/** Of the things of an ended build its results stay, its JEOS is judged by itself, and the rest goes or stays together. */
function decideGroup(plan: SweepPlan, things: FoundResource[], jeos: FoundResource[], facts: SweepFacts): void {
  const own: FoundResource[] = [];
  for (const thing of things) {
    if (thing.result !== undefined) plan.kept.push({ thing, why: thing.result });
    else if (thing.shared === undefined) own.push(thing);
    else {
      const { goes, why } = judgeShared(thing, jeos.indexOf(thing), facts);
      if (goes) plan.removals.push(createRemoval([thing], why));
      else plan.kept.push({ thing, why });
    }
  }
  if (own.length === 0) return;
  const why = reasonToKeepOwn(own, facts);
  if (why === undefined) plan.removals.push(createRemoval(own, reasonToRemove(own, facts)));
  else plan.kept.push(...own.map((thing) => ({ thing, why })));
}

/** Things by build, and what belongs to none each by itself. */
function groupByBuild(found: readonly FoundResource[]): FoundResource[][] {
  const groups = new Map<string, FoundResource[]>();
  for (const thing of found) {
    const key = thing.build ?? `${thing.kind} ${thing.id}`;
    groups.set(key, [...(groups.get(key) ?? []), thing]);
  }
  return [...groups.values()];
}

function listWorkflows(things: readonly FoundResource[]): string[] {
  return [...new Set(things.flatMap(({ workflows }) => workflows))];
}

function reasonToKeepAll(things: FoundResource[], { workflowStates: lives, now }: SweepFacts): string | undefined {
  const living = listWorkflows(things).find((id) => (lives.get(id) ?? 'living') === 'living');
  if (living !== undefined) return `its build lives: ${living}`;
  const expires = Math.max(...things.map((thing) => thing.expires ?? -Infinity));
  if (expires > now)
    return Number.isFinite(expires) ? `kept until ${formatDate(expires)}` : 'kept until somebody removes it';
  return undefined;
}

/** A build's things go together, so the youngest of them decides. */
function reasonToKeepOwn(things: FoundResource[], facts: SweepFacts): string | undefined {
  const { now, limits, installing } = facts;
  const ownerless = things.find(({ build, medium }) => build === undefined && medium === undefined);
  if (ownerless !== undefined) return 'carries no build’s mark';
  if (installing && things.some(({ medium }) => medium === 'unfinished'))
    return 'an installer’s run lives, which may be filling it';
  const unknown = things.find(({ created }) => created === undefined);
  if (unknown !== undefined) return `the cloud does not say how old ${unknown.kind} ${unknown.name} is`;
  const youngest = Math.max(...things.map(({ created }) => created ?? now));
  const isUnfinished = things.some(({ medium }) => medium === 'unfinished');
  const limit = Math.max(limits.olderThan, isUnfinished ? RECENT_USE : 0);
  if (now - youngest < limit * 1000) return `younger than ${formatDuration(limit)}`;
  // A build of ours that has made something since then would still be known: it is another Temporal's.
  const isForeign = isForgotten(things, facts) && now - youngest < facts.retention * 1000;
  return isForeign ? 'Temporal knows no such build, and has not had the time to forget it' : undefined;
}

/** Whether Temporal knows none of the workflows that may answer for a build's things. */
function isForgotten(things: FoundResource[], { workflowStates: lives }: SweepFacts): boolean {
  const workflows = listWorkflows(things);
  return workflows.length > 0 && workflows.every((id) => lives.get(id) === 'unknown');
}

function reasonToRemove(things: FoundResource[], facts: SweepFacts): string {
  if (things[0]?.build === undefined) return 'was never finished';
  return isForgotten(things, facts)
    ? 'Temporal knows no such build'
    : `its build has ended: ${listWorkflows(things).join(', ')}`;
}

/** @param rank how many JEOS images were used later; -1 for a medium, of which there may be any number */
function judgeShared(
  thing: FoundResource,
  rank: number,
  { now, limits, inUse, installing }: SweepFacts,
): { goes: boolean; why: string } {
  const stays = (why: string) => ({ goes: false, why });
  const last = readLastUse(thing);
  if (last === undefined) return stays('the cloud does not say how old it is');
  const unused = now - last > limits.unusedFor * 1000;
  const beyond = rank >= limits.jeosKeep;
  if (!unused && !beyond) return stays('builds may start from it');
  if (now - last < Math.max(limits.olderThan, RECENT_USE) * 1000) {
    return stays(`used less than ${formatDuration(Math.max(limits.olderThan, RECENT_USE))} ago`);
  }
  if (typeof inUse === 'string') return stays(inUse);
  if (inUse.has(thing.id)) return stays('is in use');
  if (thing.shared === 'media' && installing) return stays('an installer’s run lives, which may have chosen it');
  const why = unused
    ? `not used for ${formatDuration(limits.unusedFor)}`
    : `more than ${limits.jeosKeep} JEOS images, and the others were used later`;
  return { goes: true, why };
}

/** When a shared image was last chosen, as far as anybody knows. */
function readLastUse({ created, used }: FoundResource): number | undefined {
  return created === undefined ? undefined : Math.max(created, used ?? created);
}

/** Last used first; the id settles a draw. */
function compareLastUse(one: FoundResource, other: FoundResource): number {
  const [first, second] = [readLastUse(one) ?? Infinity, readLastUse(other) ?? Infinity];
  return first === second ? one.id.localeCompare(other.id) : first > second ? -1 : 1;
}

function createRemoval(things: FoundResource[], why: string): Removal {
  const [first] = things;
  const sorted = [...things].sort(
    (one, other) =>
      RESOURCE_KINDS.indexOf(one.kind) - RESOURCE_KINDS.indexOf(other.kind) ||
      (one.created ?? 0) - (other.created ?? 0),
  );
  return {
    ...(first?.build === undefined ? {} : { build: first.build }),
    workflows: listWorkflows(things),
    things: sorted,
    why,
  };
}

function findOldest({ things }: Removal): number {
  return Math.min(...things.map(({ created }) => created ?? Infinity));
}

function formatDate(moment: number): string {
  return new Date(moment).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
}

/** Seconds in the largest unit that says enough: `45 s`, `90 min`, `36 h`, `30 d`. */
export function formatDuration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
