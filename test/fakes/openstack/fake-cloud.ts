import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { ServerActions } from './compute/actions.js';
import { Behaviours } from './compute/behaviour.js';
import { Compute } from './compute/compute.js';
import { ServerLifecycle } from './compute/server-lifecycle.js';
import { VolumeAttachments } from './compute/volume-attachments.js';
import { CallLog } from './core/call-log.js';
import { Clock, scaleDurations } from './core/clock.js';
import { Faults } from './core/faults.js';
import { createScratchDirectory } from './core/scratch-directory.js';
import { ApiServer } from './core/server.js';
import { GuestDisks } from './guests/guest-disks.js';
import { SshListeners } from './guests/ssh-listeners.js';
import { Guests } from './guests/guests.js';
import type { RootFiles } from './guests/root-files.js';
import type { Sessions } from './guests/sessions.js';
import { checkGuestSupport, type GuestSupport } from './guests/support.js';
import { Identity } from './identity/identity.js';
import { Image } from './image/image.js';
import { ImageFiles } from './image/image-data.js';
import { IMPORT_METHODS, ImageImports } from './image/image-import.js';
import { createDefaultResources } from './default-resources.js';
import { listLeftovers, type Leftover } from './leftovers.js';
import { AddressPool } from './network/address-pool.js';
import { claimAddresses } from './network/claim-addresses.js';
import { Network } from './network/network.js';
import { completeCredentials, DAY, FLAVORS, type FakeCloudOptions } from './options.js';
import { CloudState } from './state.js';
import { VolumeBehaviours } from './volume/behaviour.js';
import { VolumeLifecycle } from './volume/volume-lifecycle.js';
import { Volume } from './volume/volume.js';

export type { FakeCloudOptions };

interface Parts {
  state: CloudState;
  behaviours: Behaviours;
  volumeBehaviours: VolumeBehaviours;
  faults: Faults;
  calls: CallLog;
  identity: Identity;
  lifecycle: ServerLifecycle;
  volumes: VolumeLifecycle;
  image: Image;
  imports: ImageImports;
  network: Network;
  api: ApiServer;
  guests: Guests;
  sshListeners: SshListeners;
  clock: Clock;
  directory: string;
  addressClaim: { close(): void };
}

/**
 * A fake OpenStack cloud in this process. It serves the HTTP APIs of Keystone, Nova, Glance, Neutron and Cinder in
 * their release Zed. Its servers go through the states of real servers, and its guests accept real SSH connections.
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

  /** The behaviours that tests set for servers. */
  get behaviours(): Behaviours {
    return this.parts.behaviours;
  }

  /** The behaviours that tests set for volumes. */
  get volumeBehaviours(): VolumeBehaviours {
    return this.parts.volumeBehaviours;
  }

  /** The faults that tests inject into calls. */
  get faults(): Faults {
    return this.parts.faults;
  }

  get calls(): CallLog {
    return this.parts.calls;
  }

  /** The SSH sessions of the guests. */
  get sessions(): Sessions {
    return this.parts.guests.sessions;
  }

  get identity(): Identity {
    return this.parts.identity;
  }

  /** Checks whether this system can run guests. If it cannot, the result has the reason. */
  static checkGuestSupport(): Promise<GuestSupport> {
    return checkGuestSupport();
  }

  static async start(options: FakeCloudOptions = {}): Promise<FakeCloud> {
    const support = options.guests === false ? undefined : await checkGuestSupport();
    if (options.guests === true && support?.supported === false)
      throw new Error(`this system cannot run guests: ${support.reason}`);
    const directory = await createScratchDirectory(support?.supported === true ? support.directory : tmpdir());
    for (const folder of ['images', 'guests']) await mkdir(join(directory, folder), { mode: 0o700 });
    const state = new CloudState();
    Object.assign(state.quotas, options.quotas);
    if (options.diskFormats !== undefined) state.diskFormats = options.diskFormats;
    const clock = new Clock(scaleDurations(options.speedUp ?? 200, options.durations));
    const addressClaim = await claimAddresses();
    const sshListeners = new SshListeners(addressClaim.port);
    const files = new ImageFiles(join(directory, 'images'));
    const disks = support?.supported === true ? new GuestDisks(join(directory, 'guests')) : undefined;
    const guests = new Guests(state, clock, files, disks, sshListeners, options.firewall ?? true);
    const pool = new AddressPool(addressClaim.prefix);
    const network = new Network(state, pool, { onMove: (floating) => void guests.moveFloatingIp(floating) });
    const imports = new ImageImports(state, files, clock, options.importMethods ?? IMPORT_METHODS);
    const image = new Image(state, files, imports);
    const region = options.region ?? 'RegionOne';
    const blockStorage = options.blockStorage ?? true;
    const identity = new Identity(
      state,
      completeCredentials(options.credentials),
      region,
      options.tokenLifetime ?? DAY,
      '127.0.0.1',
      blockStorage,
    );
    const behaviours = new Behaviours();
    const volumeBehaviours = new VolumeBehaviours();
    const volumes = new VolumeLifecycle(state, clock, volumeBehaviours, image, guests);
    const attachments = new VolumeAttachments(state, volumes);
    const lifecycle = new ServerLifecycle(state, clock, behaviours, network, image, guests, attachments);
    const compute = new Compute(state, lifecycle, new ServerActions(state, lifecycle, options.consoleWhenOff ?? false));
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
    createDefaultResources(state, pool, options.flavors ?? FLAVORS);
    const host = options.host ?? '127.0.0.1';
    const port = await api.listen(host, options.port ?? 0);
    const parts = {
      state,
      behaviours,
      volumeBehaviours,
      faults,
      calls,
      identity,
      lifecycle,
      volumes,
      image,
      imports,
      network,
      api,
      guests,
      sshListeners,
      clock,
      directory,
      addressClaim,
    };
    return new FakeCloud(parts, `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}/identity/v3`, region);
  }

  /** Returns the `OS_*` variables with which the cloud's user signs in. */
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

  /** Returns the text of a clouds.yaml that has this cloud under `name`. */
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

  /**
   * Finds the port on which a guest's SSH server listens at an address. The port is 22 if this process may use port 22.
   */
  findSshPort(address: string): number | undefined {
    return this.parts.sshListeners.findPort(address);
  }

  /** Finds the files of a server's guest. Undefined before the server has booted from its disk. */
  guestFiles(serverId: string): RootFiles | undefined {
    return this.parts.guests.findFiles(serverId);
  }

  /** Lists all resources besides those with which the cloud starts. */
  leftovers(): Leftover[] {
    return listLeftovers(this.state);
  }

  /** Deletes a server, as another user of the project would. */
  deleteServer(id: string): void {
    const server = this.state.servers.get(id);
    if (server !== undefined) this.parts.lifecycle.delete(server);
  }

  /**
   * Reboots the guest of a server as a panic or a watchdog does: the guest's connections are cut, its processes end,
   * and the guest boots with a new boot id. Nova shows ACTIVE all the time. (Nova's own reboot is an API action.)
   *
   * Resolves when the guest is down.
   */
  async rebootServer(id: string): Promise<void> {
    const server = this.state.servers.get(id);
    if (server === undefined) throw new Error(`the fake cloud has no server ${id}`);
    await this.parts.guests.reset(server);
  }

  /** Stops a server as another user of the project would, without a shutdown of the guest. Resolves when it is off. */
  async stopServer(id: string): Promise<void> {
    const server = this.state.servers.get(id);
    if (server === undefined) throw new Error(`the fake cloud has no server ${id}`);
    this.parts.lifecycle.stop(server);
    while (!server.gone && server.status !== 'SHUTOFF') await pause(10);
  }

  /** Puts a server into ERROR, as when its host fails. */
  async failServer(id: string, message: string): Promise<void> {
    const server = this.state.servers.get(id);
    if (server === undefined) return;
    this.parts.lifecycle.fail(server, message);
    await this.parts.guests.halt(server);
  }

  /** Deletes an image, as another user of the project would. */
  async deleteImage(id: string): Promise<void> {
    const image = this.state.images.get(id);
    if (image !== undefined) await this.parts.image.remove(image);
  }

  /** Deletes a volume at once, in any state, as another user of the project would. */
  deleteVolume(id: string): void {
    const volume = this.state.volumes.get(id);
    if (volume !== undefined) this.parts.volumes.remove(volume);
  }

  /** Deletes every floating IP, as another user of the project would. */
  deleteFloatingIps(): void {
    for (const floating of [...this.state.floatingIps.values()]) this.parts.network.floatingIps.remove(floating);
  }

  /** Cuts all connections to the APIs, and refuses new ones for `ms` milliseconds. */
  refuseConnections(ms: number): void {
    this.parts.api.refuseConnections(ms);
  }

  async close(): Promise<void> {
    this.parts.clock.close();
    this.parts.imports.close();
    this.parts.api.close();
    await this.parts.guests.close();
    this.parts.addressClaim.close();
    await rm(this.parts.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}
