import type { Tls } from '../http/http.js';

/** A name or an id of something in Keystone; where both are there, the id counts. */
export interface NameOrId {
  id?: string;
  name?: string;
}

/** How we sign in (https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management). */
export type Credentials =
  | { method: 'password'; user: NameOrId; userDomain: NameOrId; password: string }
  | { method: 'applicationCredential'; credential: NameOrId; user: NameOrId; userDomain: NameOrId; secret: string }
  | { method: 'token'; token: string };

export type Interface = 'public' | 'internal' | 'admin';

/** All that is needed to reach a cloud: what `clouds.yaml` or the `OS_*` variables say, checked. */
export interface CloudSettings {
  name: string;
  /** With or without `/v3`. */
  authUrl: string;
  credentials: Credentials;
  /** The project to sign in to; none with an application credential, which belongs to one. */
  project?: NameOrId & { domain: NameOrId };
  /** Default: the catalogue's only one, else its first. */
  region?: string;
  interface: Interface;
  tls: Tls;
  /** Addresses to use in place of the catalogue's, by service type. */
  endpointOverrides: Record<string, string>;
}
