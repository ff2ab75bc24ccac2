import type { BuildRef } from '../../domain/names.js';

/** Where a guest is, and how to log in. The private key is in the store. */
export interface GuestLocation {
  host: string;
  serverId: string;
  securityGroupId: string;
  user: string;
  prefix: string;
}

export interface GuestInput {
  ref: BuildRef;
  guest: GuestLocation;
}
