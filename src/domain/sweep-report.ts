import type { ResourceKind, SweepLimits } from './sweep.js';

/** Input of sweep. */
export interface SweepInput {
  /** Names of clouds in the worker's configuration. */
  clouds: string[];
  limits: SweepLimits;
  /** Names of providers whose unfinished pushes are swept too. Default: none. */
  providers?: string[];
  /** Whether to report only what would be removed, without removing it. */
  dryRun: boolean;
}

/** The decision about one resource, and its outcome. */
export interface SweptResource {
  kind: ResourceKind;
  id: string;
  name: string;
  build?: string;
  /** Seconds since the resource was created; null when the cloud does not report the time. */
  age: number | null;
  /** `removable`: only a dry run reports this. Without the dry run, the resource would have been removed. */
  outcome: 'removed' | 'removable' | 'kept' | 'failed';
  /** Why the resource is removed or kept, or why it could not be removed. */
  why: string;
}

export interface SweepResult {
  clouds: CloudSweep[];
  /** Unset when no provider was swept. */
  providers?: ProviderSweep[];
}

/** Something of an unfinished push at a provider, and its outcome. */
export interface SweptStaging {
  /** What it is: "upload", "snapshot". */
  kind: string;
  id: string;
  /** UUID of the provider image that it belongs to. */
  build: string;
  /** Seconds since it was created; null when the provider does not tell. */
  age: number | null;
  outcome: SweptResource['outcome'];
  why: string;
}

export interface ProviderSweep {
  provider: string;
  resources: SweptStaging[];
  /** Why the provider could not be swept. Unset when it was swept. */
  failure?: string;
}

export interface CloudSweep {
  cloud: string;
  /** The removed resources come first, the oldest one at the beginning; the kept resources follow. */
  resources: SweptResource[];
  /** Number of kept resources that `resources` does not list. */
  unnamed: number;
  /**
   * Number of removals that are left to the next run, because the removals of one run are limited. A removal covers the
   * resources of one build, or one shared image.
   */
  postponed: number;
  /** Why the cloud could not be swept. Unset when it was swept. */
  failure?: string;
}
