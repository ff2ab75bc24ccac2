/* The facts from which the sweeper decides, and its decision. The rules are in src/activities/sweep/decide-sweep.ts. */

/**
 * The kinds of resources that can carry our mark, in the order of their removal. Instances come first, because they use
 * the other resources.
 */
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

/** A resource in a project that carries our mark. Times are milliseconds since the epoch. */
export interface FoundResource {
  kind: ResourceKind;
  /** The id; for a key pair, its name. */
  id: string;
  name: string;
  /**
   * The build that the mark of the resource names: the UUID of a build, or the first run id of a JEOS installation.
   * Unset when the mark names no build.
   */
  build?: string;
  /** Ids of the workflows that may be responsible for the resource. */
  workflows: string[];
  /**
   * When the resource was created. Unset when the cloud does not report the time; then the sweeper keeps the resource.
   */
  created?: number;
  /** Until when a build or an operator keeps the resource on purpose. Unset when the resource has no such mark. */
  expires?: number;
  /** Set on a complete JEOS, prepared image or installer medium, from which any build may start. */
  shared?: 'jeos' | 'media' | 'prepared';
  /**
   * UUID under which the store keeps the documents of the JEOS or of the prepared image. Unset on every other resource.
   */
  documents?: string;
  /** When a build last chose the shared image. Unset when no such time is recorded. */
  used?: number;
  /**
   * Set on an installer medium that no build may use. `unfinished`: its upload has not ended; `retired`: a sweep was
   * interrupted while it removed the medium.
   */
  medium?: 'unfinished' | 'retired';
  /** Why the sweeper never removes this image, which is the result of a build. Unset on every other resource. */
  result?: string;
}

/**
 * State of a workflow in Temporal. `ended`: it ended but did not complete; `unknown`: Temporal never had this workflow,
 * or no longer has it.
 */
export type WorkflowState = 'running' | 'completed' | 'ended' | 'unknown';

/** Limits of the sweeper: seconds, except for the number of JEOS images. */
export interface SweepLimits {
  /** The sweeper keeps resources that are younger than this. */
  olderThan: number;
  /** Maximum number of JEOS images that the sweeper keeps in a cloud. It keeps the images that builds used last. */
  jeosKeep: number;
  /** The sweeper removes a JEOS or a medium that no build has chosen for this long. */
  unusedFor: number;
}

/** The facts for the decision, in addition to the resources. */
export interface SweepFacts {
  /** Milliseconds since the epoch. */
  now: number;
  limits: SweepLimits;
  /** States of the workflows, by workflow id. A workflow that is not in this map counts as running. */
  workflowStates: ReadonlyMap<string, WorkflowState>;
  /**
   * Ids of the images that an instance, a boot image or a running build uses. If these ids are not known: a string with
   * the reason.
   */
  inUse: ReadonlySet<string> | string;
  /** Seconds for which Temporal keeps a workflow that has ended (the namespace's retention). */
  retention: number;
  /** Whether a JEOS installation is running. It may have chosen media although no resource refers to them yet. */
  installing: boolean;
}

/** Resources that are removed together: the resources of one build, or one shared image. */
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

/** Formats seconds in a suitable unit: `45 s`, `90 min`, `36 h`, `30 d`. */
export function formatDuration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
