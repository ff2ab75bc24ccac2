import { randomUUID } from 'node:crypto';
import type { Durations } from './core/clock.js';
import type { Credentials } from './identity/identity.js';
import type { Quotas } from './state.js';

export interface FakeCloudOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any. */
  port?: number;
  /** By what the real durations are divided. Default 200: a server is ACTIVE after 38 ms. */
  hurry?: number;
  /** Single durations in milliseconds, not divided. */
  durations?: Partial<Durations>;
  /** Formats of disks that Glance takes. Default: all that it knows. */
  diskFormats?: readonly string[];
  /** Ways to import an image that Glance offers. Default: `glance-direct`, `web-download`, `copy-image`. */
  importMethods?: readonly string[];
  /** Default: none. */
  quotas?: Partial<Quotas>;
  /** Whether there is block storage (Cinder). Default true. */
  blockStorage?: boolean;
  credentials?: Partial<Credentials>;
  /** Milliseconds that a token lives. Default a day. */
  tokenLife?: number;
  region?: string;
  /** Default m1.tiny (512 MiB, 1 GiB disk), m1.small, m1.medium. */
  flavors?: { name: string; ram: number; vcpus: number; disk: number }[];
  /** Whether guests run. Default: where the system can, see {@link guestSupport}. */
  guests?: boolean;
  /** Whether security groups are obeyed. Default true. */
  firewall?: boolean;
  /**
   * Whether the console of a server that is off can be read. Default false, as with libvirt's pty consoles: Nova answers
   * 404 "Guest does not have a console available." as soon as the machine is off.
   */
  consoleWhenOff?: boolean;
  /** Calls that the log keeps. Default 100,000. */
  keptCalls?: number;
}

export const DAY = 86_400_000;
export const FLAVORS = [
  { name: 'm1.tiny', ram: 512, vcpus: 1, disk: 1 },
  { name: 'm1.small', ram: 1024, vcpus: 1, disk: 5 },
  { name: 'm1.medium', ram: 2048, vcpus: 2, disk: 10 },
];

/** The credentials of a cloud, those given before those that it has by default. */
export function credentialsOf(given: Partial<Credentials> = {}): Credentials {
  return {
    username: 'demo',
    password: 'fake-password',
    projectName: 'demo',
    domainName: 'Default',
    applicationCredential: { id: randomUUID().replaceAll('-', ''), name: 'factory', secret: 'fake-secret' },
    ...given,
  };
}
