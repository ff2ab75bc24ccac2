import { randomUUID } from 'node:crypto';
import type { Durations } from './core/clock.js';
import type { Credentials } from './identity/identity.js';
import type { Quotas } from './state.js';

export interface FakeCloudOptions {
  /** The address on which the APIs listen. Default 127.0.0.1. */
  host?: string;
  /** The port of the APIs. Default 0: any free port. */
  port?: number;
  /** Divides the real durations by this number. Default 200: a server without volumes is ACTIVE after 38 ms. */
  speedUp?: number;
  /** Durations in milliseconds that replace the real ones. They are not divided by `speedUp`. */
  durations?: Partial<Durations>;
  /** Disk formats that Glance accepts. Default: all formats in `DISK_FORMATS`. */
  diskFormats?: readonly string[];
  /** Import methods that Glance offers. Default: `glance-direct`, `web-download`, `copy-image`. */
  importMethods?: readonly string[];
  /** The quotas of the project. Default: no limits. */
  quotas?: Partial<Quotas>;
  /** Whether the cloud has block storage (Cinder). Default true. */
  blockStorage?: boolean;
  credentials?: Partial<Credentials>;
  /** Milliseconds for which a token is valid. Default: one day. */
  tokenLifetime?: number;
  region?: string;
  /** The flavors, with `ram` in MiB and `disk` in GiB. Default: m1.tiny (512 MiB, 1 GiB disk), m1.small, m1.medium. */
  flavors?: { name: string; ram: number; vcpus: number; disk: number }[];
  /** Whether guests run. Default: true if this system can run guests, see {@link checkGuestSupport}. */
  guests?: boolean;
  /** Whether the rules of security groups have an effect. Default true. */
  firewall?: boolean;
  /**
   * Whether a caller can read the console of a server that is off. Default false, as with libvirt's pty consoles: Nova
   * answers 404 "Guest does not have a console available." as soon as the machine is off.
   */
  consoleWhenOff?: boolean;
  /** Minimum number of calls that the log keeps. It keeps at most twice as many. Default 100,000. */
  keptCalls?: number;
}

export const DAY = 86_400_000;
export const FLAVORS = [
  { name: 'm1.tiny', ram: 512, vcpus: 1, disk: 1 },
  { name: 'm1.small', ram: 1024, vcpus: 1, disk: 5 },
  { name: 'm1.medium', ram: 2048, vcpus: 2, disk: 10 },
];

/** Completes the given credentials with the defaults. */
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
