/**
 * What the rest of the program sees of an OpenStack cloud. Field names are the APIs' own; only what we use is typed.
 * Every call takes an optional AbortSignal, ends within its deadline, and throws FactoryError (class, message of the
 * service, request id). "find" and "get" answer undefined when there is no such thing; "delete" of something gone succeeds.
 */
import type { CallOptions } from './http/call-options.js';
import type { Compute } from './compute/types.js';
import type { Images } from './image/types.js';
import type { Network } from './network/types.js';
import type { Volumes } from './volume/types.js';

export type * from './http/call-options.js';
export type * from './compute/types.js';
export type * from './image/types.js';
export type * from './network/types.js';
export type * from './volume/types.js';

/** One cloud, signed in lazily at the first call. Safe to use from many builds at once; the token is renewed on 401. */
export interface Cloud {
  /** The name under which the worker knows it. */
  readonly name: string;
  /** The region, where the configuration names one. */
  readonly region: string | undefined;
  readonly compute: Compute;
  readonly image: Images;
  readonly network: Network;
  readonly volume: Volumes;
  /** The project that we are signed in to. */
  getProjectId(options?: CallOptions): Promise<string>;
  close(): Promise<void>;
}

/** The clouds that a worker can reach, by the names of `clouds.yaml` (and `envvars` for `OS_*`). */
export interface Clouds {
  /** @throws FactoryError UnknownCloud naming those that are known. */
  get(name: string): Cloud;
  names(): string[];
  close(): Promise<void>;
}
