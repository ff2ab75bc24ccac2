import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { reset } from '../core/reset.js';
import type { Machines } from '../compute/machines.js';
import type { Clock } from '../core/clock.js';
import type { ImageFiles } from '../image/image-data.js';
import type { CloudState, DiskContent, FakeFloatingIp, FakeImage, FakeServer } from '../state.js';
import type { Disks } from './disks.js';
import type { Doors } from './doors.js';
import { Guest } from './guest.js';
import { isAdmitted } from './firewall.js';
import { RootFiles } from './root-files.js';
import { Sessions } from './sessions.js';

/** Bytes of the file of an image that is made of a disk. */
const IMAGE_SIZE = 64 * 1024;

/** The machines of the fake cloud. Without `disks` (no sandbox on this system) guests have a console and no more. */
export class Guests implements Machines {
  private readonly running = new Map<string, Guest>();
  /** Folders of the disks that guests have written to. */
  private readonly written = new Map<DiskContent, string>();
  private readonly work = new Set<Promise<void>>();
  readonly sessions = new Sessions();

  constructor(
    private readonly state: CloudState,
    private readonly clock: Clock,
    private readonly files: ImageFiles,
    private readonly disks: Disks | undefined,
    private readonly doors: Doors,
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
          this.track(this.bringUp(server, guest));
        });
      })(),
    );
  }

  /** The files of a server's disk. */
  filesOf(serverId: string): RootFiles | undefined {
    const root = this.state.servers.get(serverId)?.root;
    const disk = root === undefined ? undefined : this.written.get(root);
    return disk === undefined ? undefined : new RootFiles(join(disk, 'root'));
  }

  private async bringUp(server: FakeServer, guest: Guest): Promise<void> {
    await guest.boot();
    this.clock.after(this.clock.durations.cloudInit, () => this.track(guest.finish()));
    if (!guest.takesConnections) return;
    for (const address of this.addressesOf(server)) await this.open(address, server);
  }

  /** A floating IP leads somewhere else now. */
  async moved(floating: FakeFloatingIp): Promise<void> {
    this.doors.close(floating.floating_ip_address);
    floating.status = 'DOWN';
    const port = floating.port_id === null ? undefined : this.state.ports.get(floating.port_id);
    if (port === undefined) return;
    await this.clock.wait(this.clock.durations.floatingIp);
    if (floating.port_id !== port.id) return;
    floating.status = 'ACTIVE';
    const server = this.state.servers.get(port.device_id);
    if (server !== undefined && this.running.get(server.id)?.takesConnections === true)
      await this.open(floating.floating_ip_address, server);
  }

  private open(address: string, server: FakeServer): Promise<void> {
    return this.doors.open(address, (socket) => void this.take(socket, server));
  }

  private async take(socket: Socket, server: FakeServer): Promise<void> {
    await this.sessions.served();
    const guest = this.running.get(server.id);
    if (guest === undefined || (this.firewall && !isAdmitted(this.state, server, socket.remoteAddress ?? ''))) {
      return void reset(socket);
    }
    this.sessions.add(socket);
    guest.serve(socket);
  }

  private addressesOf(server: FakeServer): string[] {
    return this.state
      .portsOf(server.id)
      .flatMap((port) => [
        ...port.fixed_ips.map((fixed) => fixed.ip_address),
        ...this.state.floatingIpsOf(port.id).map((floating) => floating.floating_ip_address),
      ]);
  }

  /** The guest restarts by itself: Nova sees nothing of it. Resolves when it has gone down. */
  async reset(server: FakeServer): Promise<void> {
    const guest = this.running.get(server.id);
    if (guest === undefined) throw new Error(`no guest runs in server ${server.id}`);
    await guest.reset();
  }

  async halt(server: FakeServer): Promise<void> {
    for (const address of this.addressesOf(server)) this.doors.close(address);
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
    const header = Buffer.alloc(32);
    header.write('QFI\xfb', 'latin1');
    header.writeBigUInt64BE(BigInt(gibibytes) * 1024n ** 3n, 24);
    await this.files.store(image, empty ? Buffer.alloc(0) : Buffer.concat([header, randomBytes(IMAGE_SIZE)]));
    const disk = this.written.get(content) ?? content.disk;
    image.content = { ...content };
    if (disk !== undefined && this.disks !== undefined) image.content.disk = await this.disks.copy(disk);
  }

  /** Ends every guest. */
  async close(): Promise<void> {
    this.doors.closeAll();
    await Promise.allSettled([...this.work]);
    await Promise.all([...this.running.values()].map((guest) => guest.halt()));
    this.running.clear();
  }

  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => console.error('fake cloud: guest:', error))
      .finally(() => this.work.delete(tracked));
    this.work.add(tracked);
  }
}
