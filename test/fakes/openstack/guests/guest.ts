import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { reset } from '../core/reset.js';
import { print } from '../compute/console.js';
import { hostnameOf } from '../compute/server-view.js';
import type { FakeServer } from '../state.js';
import { finalMessage, firstBoot } from './cloud-init.js';
import { RootFiles } from './root-files.js';
import { Sandbox } from './sandbox.js';
import type { Sessions } from './sessions.js';
import { serveConnection } from './ssh.js';

const KERNEL =
  '[    0.000000] Linux version 6.1.0-fake-amd64\n[    1.814110] systemd[1]: Detected virtualization kvm.\n[  OK  ] Reached target multi-user.target.\n';

/** A machine that runs from its disk. */
export class Guest {
  private readonly files: RootFiles;
  private readonly sandbox: Sandbox;
  private readonly sockets = new Set<Socket>();
  private isUp = false;

  constructor(
    private readonly server: FakeServer,
    readonly disk: string,
    tools: string,
    private readonly behaviour: GuestBehaviour,
    private readonly sessions: Sessions,
    ended: (how: 'off' | 'reboot') => void,
  ) {
    this.files = new RootFiles(join(disk, 'root'));
    this.sandbox = new Sandbox(disk, tools, hostnameOf(server), behaviour.ignoresShutdown, (how) => {
      this.cut();
      print(
        server,
        how === 'off' ? '[   99.000000] reboot: Power down\n' : '[   99.000000] reboot: Restarting system\n',
      );
      ended(how);
    });
  }

  /** Boots up to where sshd takes connections. */
  async boot(): Promise<void> {
    print(this.server, KERNEL);
    await firstBoot(this.files, this.server, this.behaviour);
    this.isUp = this.behaviour.ssh;
  }

  /** The end of the boot: what cloud-init prints. */
  async finish(): Promise<void> {
    if (this.behaviour.cloudInit) print(this.server, await finalMessage(this.files, this.behaviour));
  }

  get takesConnections(): boolean {
    return this.isUp;
  }

  serve(socket: Socket): void {
    if (!this.isUp) return void reset(socket);
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    this.server.traffic.network += 1000;
    void serveConnection(socket, this.files, this.behaviour, this.sandbox, this.sessions).catch(() => socket.destroy());
  }

  /** Switches it off. */
  async halt(): Promise<void> {
    this.cut();
    await this.sandbox.kill();
  }

  /** Restarts it, whatever runs in it. */
  async reset(): Promise<void> {
    this.cut();
    await this.sandbox.reset();
  }

  private cut(): void {
    this.isUp = false;
    for (const socket of this.sockets) reset(socket);
  }
}
