import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ServerActions } from './compute/actions.js';
import { Behaviours } from './compute/behaviour.js';
import { Compute } from './compute/compute.js';
import { ServerLife } from './compute/server-life.js';
import { CallLog } from './core/call-log.js';
import { Clock, hurried, type Durations } from './core/clock.js';
import { Faults } from './core/faults.js';
import { ApiServer } from './core/server.js';
import { Disks } from './guests/disks.js';
import { Doors } from './guests/doors.js';
import { Guests } from './guests/guests.js';
import { guestSupport, type GuestSupport } from './guests/support.js';
import { Identity, type Credentials } from './identity/identity.js';
import { Image } from './image/image.js';
import { ImageFiles } from './image/image-data.js';
import { leftoversOf, type Leftover } from './leftovers.js';
import { AddressPool } from './network/address-pool.js';
import { Network } from './network/network.js';
import { addDefaultSecurityGroup, CloudState, type FakeFlavor, type Quotas } from './state.js';

export interface FakeCloudOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any. */
  port?: number;
  /** By what the real durations are divided. Default 200: a server is ACTIVE after 38 ms. */
  hurry?: number;
  /** Single durations in milliseconds, not divided. */
  durations?: Partial<Durations>;
  /** Default: none. */
  quotas?: Partial<Quotas>;
  credentials?: Partial<Credentials>;
  /** Milliseconds that a token lives. Default a day. */
  tokenLife?: number;
  region?: string;
  /** Default m1.tiny (512 MiB, 1 GiB disk), m1.small, m1.medium. */
  flavors?: { name: string; ram: number; vcpus: number; disk: number }[];
  /** Whether guests run. Default: where the system can, see {@link FakeCloud.guestSupport}. */
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

interface Parts {
  state: CloudState;
  behaviours: Behaviours;
  faults: Faults;
  calls: CallLog;
  identity: Identity;
  life: ServerLife;
  image: Image;
  api: ApiServer;
  guests: Guests;
  doors: Doors;
  clock: Clock;
  directory: string;
  gate: { close(): void };
}

const DAY = 86_400_000;
const FLAVORS = [
  { name: 'm1.tiny', ram: 512, vcpus: 1, disk: 1 },
  { name: 'm1.small', ram: 1024, vcpus: 1, disk: 5 },
  { name: 'm1.medium', ram: 2048, vcpus: 2, disk: 10 },
];

/**
 * An OpenStack cloud in this process: Keystone, Nova, Glance and Neutron over HTTP as Zed speaks them, with servers that
 * live as real ones do, and guests that are really reached over SSH.
 */
export class FakeCloud {
  private constructor(
    private readonly parts: Parts,
    readonly authUrl: string,
    private readonly region: string,
  ) {}

  get state(): CloudState {
    return this.parts.state;
  }

  /** What tests say about servers to come. */
  get behaviours(): Behaviours {
    return this.parts.behaviours;
  }

  /** What goes wrong with calls to come. */
  get faults(): Faults {
    return this.parts.faults;
  }

  get calls(): CallLog {
    return this.parts.calls;
  }

  get identity(): Identity {
    return this.parts.identity;
  }

  /** Whether guests can run here, and if not, why. */
  static guestSupport(): Promise<GuestSupport> {
    return guestSupport();
  }

  static async start(options: FakeCloudOptions = {}): Promise<FakeCloud> {
    const support = options.guests === false ? undefined : await guestSupport();
    if (options.guests === true && support?.supported === false)
      throw new Error(`no guests can run here: ${support.reason}`);
    const directory = await mkdtemp(join(support?.supported === true ? support.directory : tmpdir(), 'fake-cloud-'));
    for (const folder of ['images', 'guests']) await mkdir(join(directory, folder), { mode: 0o700 });
    const state = new CloudState();
    Object.assign(state.quotas, options.quotas);
    const clock = new Clock(hurried(options.hurry ?? 200, options.durations));
    const { prefix, port: sshPort, close } = await claimAddresses();
    const doors = new Doors(sshPort);
    const files = new ImageFiles(join(directory, 'images'));
    const disks = support?.supported === true ? new Disks(join(directory, 'guests')) : undefined;
    const guests = new Guests(state, clock, files, disks, doors, options.firewall ?? true);
    const pool = new AddressPool(prefix);
    const network = new Network(state, pool, { moved: (floating) => void guests.moved(floating) });
    const image = new Image(state, files);
    const region = options.region ?? 'RegionOne';
    const identity = new Identity(
      state,
      credentialsOf(options.credentials),
      region,
      options.tokenLife ?? DAY,
      '127.0.0.1',
    );
    const behaviours = new Behaviours();
    const life = new ServerLife(state, clock, behaviours, network, image, guests);
    const compute = new Compute(state, life, new ServerActions(state, life, options.consoleWhenOff ?? false));
    const calls = new CallLog(options.keptCalls ?? 100_000);
    const faults = new Faults();
    const services = [identity, compute, image, network];
    const api = new ApiServer(
      services,
      (token) => identity.isValid(token),
      calls,
      faults,
      (ms) => clock.wait(ms),
    );
    furnish(state, pool, options.flavors ?? FLAVORS);
    const host = options.host ?? '127.0.0.1';
    const port = await api.listen(host, options.port ?? 0);
    const parts = {
      state,
      behaviours,
      faults,
      calls,
      identity,
      life,
      image,
      api,
      guests,
      doors,
      clock,
      directory,
      gate: { close },
    };
    return new FakeCloud(parts, `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}/identity/v3`, region);
  }

  /** `OS_*` variables of a user of the cloud. */
  env(): Record<string, string> {
    const { username, password, projectName, domainName } = this.identity.credentials;
    return {
      OS_AUTH_URL: this.authUrl,
      OS_IDENTITY_API_VERSION: '3',
      OS_USERNAME: username,
      OS_PASSWORD: password,
      OS_PROJECT_NAME: projectName,
      OS_USER_DOMAIN_NAME: domainName,
      OS_PROJECT_DOMAIN_NAME: domainName,
      OS_REGION_NAME: this.region,
      OS_INTERFACE: 'public',
      NO_PROXY: '127.0.0.1,localhost',
    };
  }

  /** Text of a clouds.yaml that names this cloud. */
  cloudsYaml(name = 'fake'): string {
    const { username, password, projectName, domainName } = this.identity.credentials;
    const auth = {
      auth_url: this.authUrl,
      username,
      password,
      project_name: projectName,
      user_domain_name: domainName,
      project_domain_name: domainName,
    };
    return stringify({ clouds: { [name]: { auth, region_name: this.region, identity_api_version: '3' } } });
  }

  /** The port on which a guest's SSH server really listens; 22 where it could be had. */
  sshPortOf(address: string): number | undefined {
    return this.parts.doors.portOf(address);
  }

  /** Everything that exists besides what the cloud was furnished with, by kind and name. */
  leftovers(): Leftover[] {
    return leftoversOf(this.state);
  }

  /** Deletes a server as if somebody else had. */
  deleteServer(id: string): void {
    const server = this.state.servers.get(id);
    if (server !== undefined) this.parts.life.delete(server);
  }

  /** Deletes an image as if somebody else had. */
  async deleteImage(id: string): Promise<void> {
    const image = this.state.images.get(id);
    if (image !== undefined) await this.parts.image.remove(image);
  }

  /** Cuts all connections to the APIs and refuses new ones, for `ms`. */
  goDown(ms: number): void {
    this.parts.api.goDown(ms);
  }

  async close(): Promise<void> {
    this.parts.clock.close();
    this.parts.api.close();
    await this.parts.guests.close();
    this.parts.gate.close();
    await rm(this.parts.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

function credentialsOf(given: Partial<Credentials> = {}): Credentials {
  return {
    username: 'demo',
    password: 'fake-password',
    projectName: 'demo',
    domainName: 'Default',
    applicationCredential: { id: randomUUID().replaceAll('-', ''), name: 'factory', secret: 'fake-secret' },
    ...given,
  };
}

/**
 * A /16 of the loopback range for this cloud alone: whoever listens on its first address has it, so that test files that
 * run at the same time do not meet. Port 22 where this user may have it, else any.
 */
async function claimAddresses(): Promise<{ prefix: string; port: number; close(): void }> {
  for (const port of [22, 0]) {
    for (let tries = 0; tries < 100; tries++) {
      const prefix = `127.${16 + Math.floor(Math.random() * 230)}`;
      const gate = createServer((socket) => socket.destroy());
      const taken = await new Promise<string | undefined>((resolve) => {
        gate.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
        gate.listen(port, `${prefix}.0.1`, () => resolve(undefined));
      });
      if (taken === undefined) return { prefix, port, close: () => gate.close() };
      if (taken !== 'EADDRINUSE') break;
    }
  }
  throw new Error('no addresses of the loopback range can be listened on');
}

/** What every cloud has before anybody uses it: flavors, a network of one's own, one to the outside, a router between. */
function furnish(state: CloudState, pool: AddressPool, flavors: Omit<FakeFlavor, 'id'>[]): void {
  for (const flavor of flavors) {
    const id = randomUUID();
    state.flavors.set(id, { id, ...flavor });
  }
  const created = Date.now();
  const networks = [
    { name: 'private', external: false, third: 0 },
    { name: 'public', external: true, third: 64 },
  ].map(({ name, external, third }) => {
    const subnetId = randomUUID();
    const network = { id: randomUUID(), name, external, shared: false, subnets: [subnetId], tags: [], created };
    const address = (part: number, last: number): string => `${pool.prefix}.${third + part}.${last}`;
    state.networks.set(network.id, network);
    state.subnets.set(subnetId, {
      id: subnetId,
      name: `${name}-subnet`,
      network_id: network.id,
      cidr: `${address(0, 0)}/18`,
      gateway_ip: address(0, 1),
      pool: { start: address(0, 10), end: address(63, 254) },
      created,
    });
    pool.add(network.id, third);
    return network;
  });
  const [own, outside] = networks;
  if (own !== undefined && outside !== undefined) {
    const router = { id: randomUUID(), name: 'router1', external: outside.id, created };
    state.routers.set(router.id, router);
    const subnet = state.subnets.get(own.subnets[0] ?? '');
    state.ports.set(router.id, {
      id: router.id,
      name: '',
      network_id: own.id,
      mac_address: 'fa:16:3e:00:00:01',
      status: 'ACTIVE',
      device_id: router.id,
      device_owner: 'network:router_interface',
      fixed_ips: [{ subnet_id: own.subnets[0] ?? '', ip_address: subnet?.gateway_ip ?? '' }],
      security_groups: [],
      tags: [],
      created,
    });
  }
  addDefaultSecurityGroup(state);
}
