import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import type { Image } from '../image/image.js';
import type { Network } from '../network/network.js';
import type { CloudState, FakeImage, FakeServer } from '../state.js';
import type { Behaviours } from './behaviour.js';
import { DEFAULT_GUEST } from './behaviour.js';
import { runInstaller } from './console.js';
import type { CreateRequest } from './create-request.js';
import type { Machines } from './machines.js';

const NO_VALID_HOST = 'No valid host was found. There are not enough hosts available.';
const FAILURE_LINE = "main-menu[237]: WARNING **: Configuring 'bootstrap-base' failed with error code 1";

/** Power states: https://docs.openstack.org/api-ref/compute/#servers-servers */
const RUNNING = 1;
const SHUT_DOWN = 4;

/** Whether it starts an installer. */
function isBootable({ properties, startsWith }: FakeImage): boolean {
  return (properties['kernel_id'] ?? '') !== '' || startsWith !== undefined;
}

/** What happens to servers as time goes by. */
export class ServerLife {
  constructor(
    private readonly state: CloudState,
    private readonly clock: Clock,
    private readonly behaviours: Behaviours,
    private readonly network: Network,
    private readonly image: Image,
    private readonly machines: Machines,
  ) {}

  create(request: CreateRequest, index: number): FakeServer {
    const now = Date.now();
    const server: FakeServer = {
      id: randomUUID(),
      number: this.state.nextNumber(),
      name: request.count > 1 ? `${request.name}-${index + 1}` : request.name,
      description: request.description,
      flavor: request.flavor,
      imageId: request.image.id,
      imageProperties: { ...request.image.properties },
      metadata: request.metadata,
      tags: request.tags,
      keyName: request.keyName,
      ...(request.publicKey === undefined ? {} : { publicKey: request.publicKey }),
      userData: request.userData,
      configDrive: request.configDrive,
      status: 'BUILD',
      vmState: 'building',
      taskState: 'scheduling',
      powerState: 0,
      created: now,
      updated: now,
      launchedAt: null,
      console: '',
      traffic: { disk: 0, network: 0 },
      boots: isBootable(request.image) ? 'installer' : 'disk',
      commandLine: request.image.properties['os_command_line'] ?? request.image.startsWith ?? '',
      installed: false,
      securityGroups: request.groups.map((group) => group.id),
      gone: false,
      ...(request.image.disk === undefined ? {} : { disk: request.image.disk }),
    };
    this.state.servers.set(server.id, server);
    this.state.serversMade.push(server.name);
    for (const network of request.networks) {
      this.network.createPort(network.id, {
        device_id: server.id,
        device_owner: 'compute:nova',
        security_groups: server.securityGroups,
      });
    }
    this.begin(server);
    return server;
  }

  private begin(server: FakeServer): void {
    const { schedule, build } = this.clock.durations;
    const deleted = this.behaviours.take(server, 'deletedAfter')?.deletedAfter;
    if (deleted !== undefined) this.clock.after(deleted, () => this.delete(server));
    const plan = this.behaviours.take(server, 'create');
    this.after(server, schedule, () => {
      if (plan?.create === 'error') return this.fail(server, plan.fault ?? NO_VALID_HOST);
      this.set(server, { taskState: 'spawning' });
      if (plan?.create === 'stuck') return;
      this.after(server, build, () => {
        server.launchedAt = Date.now();
        for (const port of this.state.portsOf(server.id)) port.status = 'ACTIVE';
        this.run(server);
      });
    });
  }

  fail(server: FakeServer, message: string): void {
    server.fault = { code: 500, message, created: Date.now() };
    this.set(server, { status: 'ERROR', vmState: 'error', taskState: null });
  }

  /** The machine is switched on: ACTIVE, and whatever it boots begins. */
  private run(server: FakeServer): void {
    this.set(server, { status: 'ACTIVE', vmState: 'active', taskState: null, powerState: RUNNING });
    if (server.boots === 'disk') {
      const guest = { ...DEFAULT_GUEST, ...this.behaviours.take(server, 'guest')?.guest };
      return this.machines.boot(server, guest, () => this.poweredOff(server));
    }
    const plan = this.behaviours.take(server, 'installer');
    const milliseconds = this.behaviours.take(server, 'install')?.install ?? this.clock.durations.install;
    const how = {
      behaviour: plan?.installer ?? 'ok',
      milliseconds,
      failureLine: plan?.failureLine ?? FAILURE_LINE,
    } as const;
    const running: Pick<Clock, 'after'> = {
      after: (ms, work) => this.after(server, ms, () => server.powerState === RUNNING && work()),
    };
    runInstaller(server, how, running, () => this.poweredOff(server));
  }

  /** The machine has switched itself off; Nova notices it a little later. */
  private poweredOff(server: FakeServer): void {
    if (server.gone || server.powerState !== RUNNING || server.taskState === 'powering-off') return;
    server.powerState = SHUT_DOWN;
    this.after(server, this.clock.durations.powerOffSeen, () => {
      if (server.status === 'ACTIVE') this.set(server, { status: 'SHUTOFF', vmState: 'stopped', taskState: null });
    });
  }

  stop(server: FakeServer): void {
    this.set(server, { taskState: 'powering-off' });
    this.after(server, this.clock.durations.stop, () => {
      void this.machines.halt(server).then(() => {
        if (!server.gone)
          this.set(server, { status: 'SHUTOFF', vmState: 'stopped', taskState: null, powerState: SHUT_DOWN });
      });
    });
  }

  start(server: FakeServer): void {
    this.set(server, { taskState: 'powering-on' });
    this.after(server, this.clock.durations.start, () => this.run(server));
  }

  reboot(server: FakeServer, hard: boolean): void {
    this.set(
      server,
      hard ? { status: 'HARD_REBOOT', taskState: 'rebooting_hard' } : { status: 'REBOOT', taskState: 'rebooting' },
    );
    this.after(server, this.clock.durations.reboot, () => {
      void this.machines.halt(server).then(() => {
        if (!server.gone) this.run(server);
      });
    });
  }

  delete(server: FakeServer): void {
    if (server.gone || server.taskState === 'deleting') return;
    this.set(server, { taskState: 'deleting' });
    this.clock.after(this.clock.durations.delete, () => {
      server.gone = true;
      this.set(server, { status: 'DELETED', vmState: 'deleted', taskState: null, powerState: 0 });
      void this.machines.remove(server).then(() => {
        for (const port of this.state.portsOf(server.id)) this.network.removePort(port);
        this.state.servers.delete(server.id);
      });
    });
  }

  /** Starts a snapshot, answers the image's id. */
  snapshot(server: FakeServer, name: string, metadata: Record<string, string>): string {
    const source = this.state.images.get(server.imageId);
    const how = this.behaviours.take(server, 'snapshot')?.snapshot ?? 'ok';
    const image = this.image.newImage({
      name,
      visibility: 'private',
      min_disk: Math.max(server.flavor.disk, source?.min_disk ?? 0),
      min_ram: source?.min_ram ?? 0,
      properties: {
        ...server.imageProperties,
        base_image_ref: server.imageProperties['base_image_ref'] ?? server.imageId,
        owner_user_name: 'demo',
        owner_project_name: 'demo',
        boot_roles: 'member,reader',
        instance_uuid: server.id,
        user_id: this.state.userId,
        image_type: 'snapshot',
        ...metadata,
      },
    });
    const { snapshotPending, snapshot, snapshotUpload } = this.clock.durations;
    const done = (): void => this.set(server, { taskState: null });
    this.set(server, { taskState: 'image_snapshot_pending' });
    this.after(server, snapshotPending, () => {
      this.set(server, { taskState: 'image_snapshot' });
      this.after(server, snapshot, () => {
        if (how === 'endless') return;
        if (how === 'stuck') return done();
        if (how === 'deleted') return void this.image.remove(image).then(done);
        this.set(server, { taskState: 'image_pending_upload' });
        this.after(server, snapshotUpload / 2, () => {
          this.set(server, { taskState: 'image_uploading' });
          image.status = 'saving';
          this.after(server, snapshotUpload / 2, () => {
            if (how !== 'killed') return void this.fill(server, image.id, how === 'empty').then(done);
            image.status = 'killed';
            done();
          });
        });
      });
    });
    return image.id;
  }

  private async fill(server: FakeServer, imageId: string, empty: boolean): Promise<void> {
    const image = this.state.images.get(imageId);
    // Deleted while it was being uploaded.
    if (image === undefined) return;
    await this.machines.saveDisk(server, image, empty);
    if (!this.state.images.has(imageId)) return;
    Object.assign(image.properties, {
      image_location: 'snapshot',
      image_state: 'available',
      owner_id: this.state.projectId,
    });
    Object.assign(image, {
      disk_format: 'qcow2',
      container_format: 'bare',
      virtual_size: server.flavor.disk * 1024 ** 3,
      status: 'active',
      updatedAt: Date.now(),
    });
  }

  /** Work that is left out when the server has been deleted meanwhile. */
  private after(server: FakeServer, ms: number, work: () => void): void {
    this.clock.after(ms, () => {
      if (!server.gone && server.taskState !== 'deleting') work();
    });
  }

  private set(server: FakeServer, change: Partial<FakeServer>): void {
    Object.assign(server, change, { updated: Date.now() });
  }
}
