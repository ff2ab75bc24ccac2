/**
 * The port through which the rest of the program uses an OpenStack cloud. Fields have the names that the OpenStack APIs
 * use, and we type only the fields that we use. Every call takes an optional AbortSignal, ends within its deadline, and
 * throws FactoryError with the error class, the service's message and the request id. A method whose name begins with
 * `find` or `get` returns undefined when the resource does not exist. A method whose name begins with `delete` also
 * succeeds when the resource no longer exists.
 */
import type { CallOptions } from '../http/call-options.js';
import type { Compute } from './compute/types.js';
import type { Images } from './image/types.js';
import type { Network } from './network/types.js';
import type { Volumes } from './volume/types.js';

export type * from '../http/call-options.js';
export type * from './compute/types.js';
export type * from './image/types.js';
export type * from './network/types.js';
export type * from './volume/types.js';

/**
 * The clients of one cloud, which share one session: it signs in at the first call, and renews the token before it
 * expires or on a 401. Many builds can use the clients at the same time.
 */
export interface Cloud {
  /** The cloud's name in the worker's configuration. */
  readonly name: string;
  /** The region of the endpoints; undefined if the configuration names none. */
  readonly region: string | undefined;
  readonly compute: Compute;
  readonly image: Images;
  readonly network: Network;
  readonly volume: Volumes;
  /** Returns the id of the project that the credentials are scoped to. */
  getProjectId(options?: CallOptions): Promise<string>;
  close(): Promise<void>;
}

/** The clouds that a worker can reach, by their names in `clouds.yaml` (`envvars` for the `OS_*` variables). */
export interface Clouds {
  /** Returns the clients of a cloud. @throws FactoryError UnknownCloud, whose message lists the configured clouds */
  get(name: string): Cloud;
  names(): string[];
  close(): Promise<void>;
}
