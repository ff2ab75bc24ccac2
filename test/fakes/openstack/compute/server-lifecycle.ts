import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import type { Image } from '../image/image.js';
import type { Network } from '../network/network.js';
import type { CloudState, FakeDrive, FakeServer } from '../state.js';
import type { Behaviours } from './behaviour.js';
import { DEFAULT_GUEST } from './behaviour.js';
import { chooseBoot, listMedia } from './boot-order.js';
import { printToConsole, runInstaller } from './console.js';
import type { CreateRequest } from './create-request.js';
import { findInstallScript } from './install-script.js';
import type { Machines } from './machines.js';
import type { VolumeAttachments } from './volume-attachments.js';

const NO_VALID_HOST = 'No valid host was found. There are not enough hosts available.';
const NO_SNAPSHOT =
  "Invalid input received: Invalid snapshot: Originating snapshot status must be one of 'available' values (HTTP 400)";
const NO_SCRIPT = 'The installer waits for input, because it has no script';
const FAILURE_LINE = "main-menu[237]: WARNING **: Configuring 'bootstrap-base' failed with error code 1";

/** Numbers of the power states: https://docs.openstack.org/api-ref/compute/#servers-servers */
const RUNNING = 1;
const SHUT_DOWN = 4;

/** Whether the root disk of the server is a volume. */
function isVolumeBacked({ drives }: FakeServer): boolean {
  return drives.some(({ bootIndex }) => bootIndex === 0);
}

function buildSnapshotMapping({ bootIndex, isCdrom, device, deleteOnTermination }: FakeDrive): Record<string, unknown> {
  return {
    boot_index: bootIndex,
    device_type: isCdrom ? 'cdrom' : 'disk',
    device_name: device,
    delete_on_termination: deleteOnTermination,
    source_type: 'snapshot',
    destination_type: 'volume',
  };
}

/** Moves servers through their states. */
export class ServerLifecycle {
  constructor(
    private readonly state: CloudState,
    private readonly clock: Clock,
    private readonly behaviours: Behaviours,
    private readonly network: Network,
    private readonly image: Image,
    private readonly machines: Machines,
    private readonly attachments: VolumeAttachments,
  ) {}

  create(request: CreateRequest, index: number): FakeServer {
    const now = Date.now();
    const { image, devices, properties } = request;
    const disks = {
      // A volume-backed server writes to its root volume. Any other server writes to its own copy of the image.
      root: devices.root?.content ?? { ...image?.content },
      drives: devices.drives,
      imageProperties: properties,
    };
    const server: FakeServer = {
      id: randomUUID(),
      number: this.state.nextNumber(),
      name: request.count > 1 ? `${request.name}-${index + 1}` : request.name,
      description: request.description,
      flavor: request.flavor,
      imageId: image?.id ?? '',
      ...disks,
      ...chooseBoot(this.state, disks),
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
      securityGroups: request.groups.map((group) => group.id),
      gone: false,
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
    this.schedule(server);
    return server;
  }

  private schedule(server: FakeServer): void {
    const { schedule, build } = this.clock.durations;
    const deleted = this.behaviours.take(server, 'deletedAfter')?.deletedAfter;
    if (deleted !== undefined) this.clock.after(deleted, () => this.delete(server));
    const plan = this.behaviours.take(server, 'create');
    this.after(server, schedule, () => {
      if (plan?.create === 'error') return this.fail(server, plan.fault ?? NO_VALID_HOST);
      // The image points at volume snapshots from which Cinder cannot create volumes. Nova's message contains
      // Cinder's reason.
      if (server.imageProperties['bdm_v2'] !== undefined && server.imageId !== '')
        return this.fail(server, `Build of instance ${server.id} aborted: ${NO_SNAPSHOT}`);
      this.attach(server, () => {
        this.set(server, { taskState: 'spawning' });
        if (plan?.create === 'stuck') return;
        this.after(server, build, () => {
          server.launchedAt = Date.now();
          for (const port of this.state.findPorts(server.id)) port.status = 'ACTIVE';
          this.run(server);
        });
      });
    });
  }

  private attach(server: FakeServer, done: () => void): void {
    if (server.drives.length === 0) return done();
    this.set(server, { taskState: 'block_device_mapping' });
    this.attachments.begin(server);
    this.after(server, this.clock.durations.volumeAttach, () => {
      this.attachments.finish(server);
      done();
    });
  }

  fail(server: FakeServer, message: string): void {
    server.fault = { code: 500, message, created: Date.now() };
    this.set(server, { status: 'ERROR', vmState: 'error', taskState: null });
  }

  /** Switches the machine of a server on: the server becomes ACTIVE and boots. */
  private run(server: FakeServer): void {
    this.set(server, { status: 'ACTIVE', vmState: 'active', taskState: null, powerState: RUNNING, ...chooseBoot(this.state, server) }); // prettier-ignore
    if (server.boots === 'nothing')
      return printToConsole(server, 'Boot failed: not a bootable disk\nNo bootable device.\n');
    if (server.boots === 'disk') {
      const guest = { ...DEFAULT_GUEST, ...this.behaviours.take(server, 'guest')?.guest };
      return this.machines.boot(server, guest, () => this.powerOff(server));
    }
    this.install(server);
  }

  private install(server: FakeServer): void {
    const script = findInstallScript(server, listMedia(this.state, server));
    const plan = this.behaviours.take(server, 'installer');
    const milliseconds = this.behaviours.take(server, 'install')?.install ?? this.clock.durations.install;
    const how = {
      behaviour: plan?.installer ?? (script.isThere ? 'ok' : 'fails'),
      milliseconds,
      failureLine: plan?.failureLine ?? (script.isThere ? FAILURE_LINE : `${NO_SCRIPT}: ${script.description}`),
      script: script.description,
    } as const;
    const running: Pick<Clock, 'after'> = {
      after: (ms, work) => this.after(server, ms, () => server.powerState === RUNNING && work()),
    };
    runInstaller(server, how, running, {
      // The installation has overwritten the disk, so the disk is no longer blank and no longer starts an installer.
      installed: () => {
        delete server.root.startsWith;
        delete server.root.blank;
      },
      off: () => this.powerOff(server),
    });
  }

  /** Records that the machine has switched itself off. Nova notices it `powerOffSeen` milliseconds later. */
  private powerOff(server: FakeServer): void {
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
    if (this.behaviours.take(server, 'delete')?.delete === 'stuck') return;
    this.clock.after(this.clock.durations.delete, () => void this.finishDelete(server));
  }

  private async finishDelete(server: FakeServer): Promise<void> {
    server.gone = true;
    await this.machines.halt(server);
    if (!isVolumeBacked(server)) await this.machines.discard(server.root);
    // Nova releases the volumes before it shows the server as deleted.
    this.attachments.release(server);
    this.set(server, { status: 'DELETED', vmState: 'deleted', taskState: null, powerState: 0 });
    for (const port of this.state.findPorts(server.id)) this.network.removePort(port);
    this.clock.after(0, () => this.state.servers.delete(server.id));
  }

  /** Starts a snapshot of a server. @returns the id of the new image */
  snapshot(server: FakeServer, name: string, metadata: Record<string, string>): string {
    if (isVolumeBacked(server)) return this.snapshotVolumes(server, name, metadata);
    const source = this.state.images.get(server.imageId);
    const how = this.behaviours.take(server, 'snapshot')?.snapshot ?? 'ok';
    const image = this.image.createImage({
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
        network_allocated: 'True',
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
            if (how !== 'killed') return void this.finishSnapshot(server, image.id, how === 'empty').then(done);
            image.status = 'killed';
            done();
          });
        });
      });
    });
    return image.id;
  }

  /**
   * Creates the image of a volume-backed server as Nova does: the image is active at once, has no bytes, and points at
   * snapshots of the volumes.
   */
  private snapshotVolumes(server: FakeServer, name: string, metadata: Record<string, string>): string {
    const [root] = server.drives;
    const image = this.image.createImage({
      name,
      visibility: 'private',
      disk_format: 'qcow2',
      container_format: 'bare',
      size: 0,
      checksum: 'd41d8cd98f00b204e9800998ecf8427e',
      status: 'active',
      min_disk: server.flavor.disk,
      properties: {
        ...server.imageProperties,
        base_image_ref: '',
        owner_user_name: 'demo',
        owner_project_name: 'demo',
        boot_roles: 'member,reader',
        ...metadata,
        root_device_name: root?.device ?? '',
        block_device_mapping: JSON.stringify(server.drives.map(buildSnapshotMapping)),
        bdm_v2: 'True',
      },
    });
    this.attachments.snapshot(server, name);
    return image.id;
  }

  private async finishSnapshot(server: FakeServer, imageId: string, empty: boolean): Promise<void> {
    const image = this.state.images.get(imageId);
    // If the image is missing, another user has deleted it during its upload.
    if (image === undefined) return;
    await this.machines.saveDisk(server.root, server.flavor.disk, image, empty);
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

  /** Runs `work` after `ms` milliseconds, unless the deletion of the server has begun by then. */
  private after(server: FakeServer, ms: number, work: () => void): void {
    this.clock.after(ms, () => {
      if (!server.gone && server.taskState !== 'deleting') work();
    });
  }

  private set(server: FakeServer, change: Partial<FakeServer>): void {
    Object.assign(server, change, { updated: Date.now() });
  }
}
