import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { GuestBehaviour } from '../compute/behaviour.js';
import { resetConnection } from '../core/reset-connection.js';
import { printToConsole } from '../compute/console.js';
import { buildHostname } from '../compute/server-view.js';
import type { FakeServer } from '../state.js';
import { buildFinalMessage, runCloudInit } from './cloud-init.js';
import { RootFiles } from './root-files.js';
import { GuestContainer } from './guest-container.js';
import type { Sessions } from './sessions.js';
import { serveConnection } from './ssh.js';

const KERNEL =
  '[    0.000000] Linux version 6.1.0-fake-amd64\n[    1.814110] systemd[1]: Detected virtualization kvm.\n[  OK  ] Reached target multi-user.target.\n';

/** A machine that boots, or has booted, from its disk. */
export class Guest {
  private readonly files: RootFiles;
  private readonly container: GuestContainer;
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
    this.container = new GuestContainer(disk, tools, buildHostname(server), behaviour.ignoresShutdown, (how) => {
      this.cut();
      printToConsole(
        server,
        how === 'off' ? '[   99.000000] reboot: Power down\n' : '[   99.000000] reboot: Restarting system\n',
      );
      ended(how);
    });
  }

  /** Boots the guest until its sshd accepts connections. */
  async boot(): Promise<void> {
    printToConsole(this.server, KERNEL);
    await runCloudInit(this.files, this.server, this.behaviour);
    this.isUp = this.behaviour.ssh;
  }

  /** Ends the boot: prints cloud-init's final message on the console, if the guest has cloud-init. */
  async finish(): Promise<void> {
    if (this.behaviour.cloudInit) printToConsole(this.server, await buildFinalMessage(this.files, this.behaviour));
  }

  get takesConnections(): boolean {
    return this.isUp;
  }

  serve(socket: Socket): void {
    if (!this.isUp) return void resetConnection(socket);
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    this.server.traffic.network += 1000;
    void serveConnection(socket, this.files, this.behaviour, this.container, this.sessions).catch(() =>
      socket.destroy(),
    );
  }

  /** Switches the machine off, without a shutdown. */
  async halt(): Promise<void> {
    this.cut();
    await this.container.kill();
  }

  /** Restarts the machine at once, without a shutdown. */
  async reset(): Promise<void> {
    this.cut();
    await this.container.reset();
  }

  private cut(): void {
    this.isUp = false;
    for (const socket of this.sockets) resetConnection(socket);
  }
}
