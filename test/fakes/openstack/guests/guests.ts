import { join } from 'node:path';
import type { Socket } from 'node:net';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { resetConnection } from '../core/reset-connection.js';
import type { Machines } from '../compute/machines.js';
import type { Clock } from '../core/clock.js';
import type { ImageFiles } from '../image/image-data.js';
import type { CloudState, DiskContent, FakeFloatingIp, FakeImage, FakeServer } from '../state.js';
import type { GuestDisks } from './guest-disks.js';
import type { SshListeners } from './ssh-listeners.js';
import { Guest } from './guest.js';
import { isAllowed } from './firewall.js';
import { createQcow2 } from './qcow2.js';
import { RootFiles } from './root-files.js';
import { Sessions } from './sessions.js';

/**
 * The machines of the fake cloud. If this system cannot run guests, `disks` is undefined and a machine is only a
 * console.
 */
export class Guests implements Machines {
  private readonly running = new Map<string, Guest>();
  /** The folders of the disks from which guests have booted. */
  private readonly written = new Map<DiskContent, string>();
  private readonly pending = new Set<Promise<void>>();
  readonly sessions = new Sessions();

  constructor(
    private readonly state: CloudState,
    private readonly clock: Clock,
    private readonly files: ImageFiles,
    private readonly disks: GuestDisks | undefined,
    private readonly sshListeners: SshListeners,
    private readonly firewall: boolean,
  ) {}

  boot(server: FakeServer, behaviour: GuestBehaviour, off: () => void): void {
    const { disks } = this;
    if (disks === undefined) return;
    const { boot } = this.clock.durations;
    this.track(
      (async () => {
        const disk = this.written.get(server.root) ?? (await disks.copy(server.root.disk));
        this.written.set(server.root, disk);
        if (server.gone) return;
        const guest: Guest = new Guest(server, disk, disks.tools, behaviour, this.sessions, (how) => {
          if (this.running.get(server.id) !== guest) return;
          this.running.delete(server.id);
          if (how === 'off') off();
          else this.boot(server, behaviour, off);
        });
        this.running.set(server.id, guest);
        this.clock.after(boot, () => {
          if (this.running.get(server.id) !== guest) return;
          this.track(this.finishBoot(server, guest));
        });
      })(),
    );
  }

  /** Finds the files of a server's disk. Undefined before the server has booted from the disk. */
  findFiles(serverId: string): RootFiles | undefined {
    const root = this.state.servers.get(serverId)?.root;
    const disk = root === undefined ? undefined : this.written.get(root);
    return disk === undefined ? undefined : new RootFiles(join(disk, 'root'));
  }

  private async finishBoot(server: FakeServer, guest: Guest): Promise<void> {
    await guest.boot();
    this.clock.after(this.clock.durations.cloudInit, () => this.track(guest.finish()));
    if (!guest.takesConnections) return;
    for (const address of this.listAddresses(server)) await this.listen(address, server);
  }

  /** Moves the SSH port of a floating IP to the server to which the floating IP belongs now, or closes the port. */
  async moveFloatingIp(floating: FakeFloatingIp): Promise<void> {
    this.sshListeners.close(floating.floating_ip_address);
    floating.status = 'DOWN';
    const port = floating.port_id === null ? undefined : this.state.ports.get(floating.port_id);
    if (port === undefined) return;
    await this.clock.wait(this.clock.durations.floatingIp);
    if (floating.port_id !== port.id) return;
    floating.status = 'ACTIVE';
    const server = this.state.servers.get(port.device_id);
    if (server !== undefined && this.running.get(server.id)?.takesConnections === true)
      await this.listen(floating.floating_ip_address, server);
  }

  private listen(address: string, server: FakeServer): Promise<void> {
    return this.sshListeners.listen(address, (socket) => void this.acceptConnection(socket, server));
  }

  private async acceptConnection(socket: Socket, server: FakeServer): Promise<void> {
    await this.sessions.waitUntilThawed();
    const guest = this.running.get(server.id);
    if (guest === undefined || (this.firewall && !isAllowed(this.state, server, socket.remoteAddress ?? ''))) {
      return void resetConnection(socket);
    }
    this.sessions.add(socket);
    guest.serve(socket);
  }

  private listAddresses(server: FakeServer): string[] {
    return this.state
      .findPorts(server.id)
      .flatMap((port) => [
        ...port.fixed_ips.map((fixed) => fixed.ip_address),
        ...this.state.findFloatingIps(port.id).map((floating) => floating.floating_ip_address),
      ]);
  }

  /** Restarts the guest of a server without Nova. Resolves when the guest is down. */
  async reset(server: FakeServer): Promise<void> {
    const guest = this.running.get(server.id);
    if (guest === undefined) throw new Error(`server ${server.id} has no running guest`);
    await guest.reset();
  }

  async halt(server: FakeServer): Promise<void> {
    for (const address of this.listAddresses(server)) this.sshListeners.close(address);
    const guest = this.running.get(server.id);
    this.running.delete(server.id);
    await guest?.halt();
  }

  async discard(content: DiskContent): Promise<void> {
    const disk = this.written.get(content);
    this.written.delete(content);
    if (disk !== undefined) await this.disks?.remove(disk);
  }

  async saveDisk(content: DiskContent, gibibytes: number, image: FakeImage, empty: boolean): Promise<void> {
    await this.files.store(image, empty ? Buffer.alloc(0) : createQcow2(BigInt(gibibytes) * 1024n ** 3n));
    const disk = this.written.get(content) ?? content.disk;
    image.content = { ...content };
    if (disk !== undefined && this.disks !== undefined) image.content.disk = await this.disks.copy(disk);
  }

  /** Stops every guest, and closes all SSH ports. */
  async close(): Promise<void> {
    this.sshListeners.closeAll();
    await Promise.allSettled([...this.pending]);
    await Promise.all([...this.running.values()].map((guest) => guest.halt()));
    this.running.clear();
  }

  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => console.error('fake cloud: guest:', error))
      .finally(() => this.pending.delete(tracked));
    this.pending.add(tracked);
  }
}
