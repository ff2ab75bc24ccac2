import { randomUUID } from 'node:crypto';
import type { Durations } from './core/clock.js';
import type { Credentials } from './identity/identity.js';
import type { Quotas } from './state.js';

export interface FakeCloudOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Divides the real durations by this number. Default 200: a server is ACTIVE after 38 ms. */
  speedUp?: number;
  /** Single durations in milliseconds, which are not divided. */
  durations?: Partial<Durations>;
  /** Disk formats that Glance accepts. Default: all that it knows. */
  diskFormats?: readonly string[];
  /** Import methods of Glance. Default: `glance-direct`, `web-download`, `copy-image`. */
  importMethods?: readonly string[];
  /** Default: no quotas. */
  quotas?: Partial<Quotas>;
  /** Whether the cloud has block storage (Cinder). Default true. */
  blockStorage?: boolean;
  credentials?: Partial<Credentials>;
  /** Milliseconds for which a token is valid. Default: one day. */
  tokenLifetime?: number;
  region?: string;
  /** Default m1.tiny (512 MiB, 1 GiB disk), m1.small, m1.medium. */
  flavors?: { name: string; ram: number; vcpus: number; disk: number }[];
  /** Whether guests run. Default: if this system can run them, see {@link checkGuestSupport}. */
  guests?: boolean;
  /** Whether the rules of security groups have an effect. Default true. */
  firewall?: boolean;
  /**
   * Whether a caller can read the console of a server that is off. Default false, as with libvirt's pty consoles: Nova
   * answers 404 "Guest does not have a console available." as soon as the machine is off.
   */
  consoleWhenOff?: boolean;
  /** Number of calls that the log keeps. Default 100,000. */
  keptCalls?: number;
}

export const DAY = 86_400_000;
export const FLAVORS = [
  { name: 'm1.tiny', ram: 512, vcpus: 1, disk: 1 },
  { name: 'm1.small', ram: 1024, vcpus: 1, disk: 5 },
  { name: 'm1.medium', ram: 2048, vcpus: 2, disk: 10 },
];

/** Adds the default credentials to those that are given. */
export function completeCredentials(given: Partial<Credentials> = {}): Credentials {
  return {
    username: 'demo',
    password: 'fake-password',
    projectName: 'demo',
    domainName: 'Default',
    applicationCredential: { id: randomUUID().replaceAll('-', ''), name: 'factory', secret: 'fake-secret' },
    ...given,
  };
}
