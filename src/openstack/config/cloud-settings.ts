import type { Tls } from '../../http/http.js';

/** The name or the id of a resource in Keystone; if both are set, the id is used. */
export interface NameOrId {
  id?: string;
  name?: string;
}

/**
 * The credentials for the sign-in
 * (https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management).
 */
export type Credentials =
  | { method: 'password'; user: NameOrId; userDomain: NameOrId; password: string }
  | { method: 'applicationCredential'; credential: NameOrId; user: NameOrId; userDomain: NameOrId; secret: string }
  | { method: 'token'; token: string };

export type Interface = 'public' | 'internal' | 'admin';

/** The validated settings of one cloud, read from `clouds.yaml` or from the `OS_*` variables. */
export interface CloudSettings {
  name: string;
  /** URL of Keystone, with or without `/v3`. */
  authUrl: string;
  credentials: Credentials;
  /** The project to sign in to; absent for an application credential, which belongs to a project already. */
  project?: NameOrId & { domain: NameOrId };
  /** The region of the endpoints. Unset: for each service we use the first endpoint of the catalogue, in any region. */
  region?: string;
  /** The interfaces of endpoints that we may use, the best one first. We use the first one that the catalogue has. */
  interfaces: Interface[];
  tls: Tls;
  /** URLs to use instead of the endpoints in the catalogue, by service type. */
  endpointOverrides: Record<string, string>;
  /**
   * The region and the interfaces of single services, by service type. Unset: the region and interfaces of the cloud.
   */
  serviceEndpoints?: Record<string, { region?: string; interfaces?: Interface[] }>;
  /** Remarks for the log: a sentence for each key that openstackclient would use and we do not use. */
  remarks?: string[];
}
