import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { ServerActions } from './compute/actions.js';
import { Behaviours } from './compute/behaviour.js';
import { Compute } from './compute/compute.js';
import { ServerLife } from './compute/server-life.js';
import { VolumeAttachments } from './compute/volume-attachments.js';
import { CallLog } from './core/call-log.js';
import { Clock, hurried } from './core/clock.js';
import { Faults } from './core/faults.js';
import { scratchDirectory } from './core/scratch.js';
import { ApiServer } from './core/server.js';
import { Disks } from './guests/disks.js';
import { Doors } from './guests/doors.js';
import { Guests } from './guests/guests.js';
import type { RootFiles } from './guests/root-files.js';
import type { Sessions } from './guests/sessions.js';
import { guestSupport, type GuestSupport } from './guests/support.js';
import { Identity } from './identity/identity.js';
import { Image } from './image/image.js';
import { ImageFiles } from './image/image-data.js';
import { IMPORT_METHODS, ImageImports } from './image/image-import.js';
import { furnish } from './furnish.js';
import { leftoversOf, type Leftover } from './leftovers.js';
import { AddressPool } from './network/address-pool.js';
import { claimAddresses } from './network/claim-addresses.js';
import { Network } from './network/network.js';
import { credentialsOf, DAY, FLAVORS, type FakeCloudOptions } from './options.js';
import { CloudState } from './state.js';
import { VolumeBehaviours } from './volume/behaviour.js';
import { VolumeLife } from './volume/volume-life.js';
import { Volume } from './volume/volume.js';

export type { FakeCloudOptions };

interface Parts {
  state: CloudState;
  behaviours: Behaviours;
  volumeBehaviours: VolumeBehaviours;
  faults: Faults;
  calls: CallLog;
  identity: Identity;
  life: ServerLife;
  volumes: VolumeLife;
  image: Image;
  imports: ImageImports;
  network: Network;
  api: ApiServer;
  guests: Guests;
  doors: Doors;
  clock: Clock;
  directory: string;
  gate: { close(): void };
}

/**
 * An OpenStack cloud in this process: Keystone, Nova, Glance, Neutron and Cinder over HTTP as Zed speaks them, with servers that
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

  /** What tests say about volumes to come. */
  get volumeBehaviours(): VolumeBehaviours {
    return this.parts.volumeBehaviours;
  }

  /** What goes wrong with calls to come. */
  get faults(): Faults {
    return this.parts.faults;
  }

  get calls(): CallLog {
    return this.parts.calls;
  }

  /** The SSH sessions of its guests. */
  get sessions(): Sessions {
    return this.parts.guests.sessions;
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
    const directory = await scratchDirectory(support?.supported === true ? support.directory : tmpdir());
    for (const folder of ['images', 'guests']) await mkdir(join(directory, folder), { mode: 0o700 });
    const state = new CloudState();
    Object.assign(state.quotas, options.quotas);
    if (options.diskFormats !== undefined) state.diskFormats = options.diskFormats;
    const clock = new Clock(hurried(options.hurry ?? 200, options.durations));
    const { prefix, port: sshPort, close } = await claimAddresses();
    const doors = new Doors(sshPort);
    const files = new ImageFiles(join(directory, 'images'));
    const disks = support?.supported === true ? new Disks(join(directory, 'guests')) : undefined;
    const guests = new Guests(state, clock, files, disks, doors, options.firewall ?? true);
    const pool = new AddressPool(prefix);
    const network = new Network(state, pool, { moved: (floating) => void guests.moved(floating) });
    const imports = new ImageImports(state, files, clock, options.importMethods ?? IMPORT_METHODS);
    const image = new Image(state, files, imports);
    const region = options.region ?? 'RegionOne';
    const blockStorage = options.blockStorage ?? true;
    const identity = new Identity(
      state,
      credentialsOf(options.credentials),
      region,
      options.tokenLife ?? DAY,
      '127.0.0.1',
      blockStorage,
    );
    const behaviours = new Behaviours();
    const volumeBehaviours = new VolumeBehaviours();
    const volumes = new VolumeLife(state, clock, volumeBehaviours, image, guests);
    const attachments = new VolumeAttachments(state, volumes);
    const life = new ServerLife(state, clock, behaviours, network, image, guests, attachments);
    const compute = new Compute(state, life, new ServerActions(state, life, options.consoleWhenOff ?? false));
    const calls = new CallLog(options.keptCalls ?? 100_000);
    const faults = new Faults();
    const services = [identity, compute, image, network, ...(blockStorage ? [new Volume(state, volumes)] : [])];
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
      volumeBehaviours,
      faults,
      calls,
      identity,
      life,
      volumes,
      image,
      imports,
      network,
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

  /** The files of a server that was booted from a disk. */
  guestFiles(serverId: string): RootFiles | undefined {
    return this.parts.guests.filesOf(serverId);
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

  /**
   * Reboots the guest of a server as a panic or a watchdog does: connections are cut, processes are gone, and it is back a
   * little later under a new boot id. Nova says ACTIVE all the time; its own reboot is the API's action.
   *
   * @returns when the guest has gone down
   */
  async rebootServer(id: string): Promise<void> {
    const server = this.state.servers.get(id);
    if (server === undefined) throw new Error(`there is no server ${id}`);
    await this.parts.guests.reset(server);
  }

  /** Stops a server as if somebody else had: its guest is told nothing. Returns when it is off. */
  async stopServer(id: string): Promise<void> {
    const server = this.state.servers.get(id);
    if (server === undefined) throw new Error(`there is no server ${id}`);
    this.parts.life.stop(server);
    while (!server.gone && server.status !== 'SHUTOFF') await pause(10);
  }

  /** Puts a server into ERROR, as when its host dies. */
  async failServer(id: string, message: string): Promise<void> {
    const server = this.state.servers.get(id);
    if (server === undefined) return;
    this.parts.life.fail(server, message);
    await this.parts.guests.halt(server);
  }

  /** Deletes an image as if somebody else had. */
  async deleteImage(id: string): Promise<void> {
    const image = this.state.images.get(id);
    if (image !== undefined) await this.parts.image.remove(image);
  }

  /** Deletes a volume as if somebody else had, whatever it is doing. */
  deleteVolume(id: string): void {
    const volume = this.state.volumes.get(id);
    if (volume !== undefined) this.parts.volumes.remove(volume);
  }

  /** Releases every floating IP as if somebody else had. */
  deleteFloatingIps(): void {
    for (const floating of [...this.state.floatingIps.values()]) this.parts.network.floatingIps.remove(floating);
  }

  /** Cuts all connections to the APIs and refuses new ones, for `ms`. */
  goDown(ms: number): void {
    this.parts.api.goDown(ms);
  }

  async close(): Promise<void> {
    this.parts.clock.close();
    this.parts.imports.close();
    this.parts.api.close();
    await this.parts.guests.close();
    this.parts.gate.close();
    await rm(this.parts.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}
