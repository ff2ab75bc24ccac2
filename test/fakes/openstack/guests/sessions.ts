import type { Socket } from 'node:net';
import { resetConnection } from '../core/reset-connection.js';

/** The SSH sessions of a cloud's guests. Tests can observe, cut and freeze them. */
export class Sessions {
  /** Called before a command starts in a guest; the command waits for the promise. */
  onBegin: (() => Promise<void>) | undefined;
  /** Called when a command has ended and the guest has sent its exit status. */
  onEnd: (() => void) | undefined;
  private readonly sockets = new Set<Socket>();
  private thaw: Promise<void> | undefined;

  add(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  /** Cuts every SSH connection. */
  cut(): void {
    for (const socket of this.sockets) resetConnection(socket);
  }

  /** Freezes all sessions for `ms` milliseconds: guests send nothing and do not answer new connections. */
  freeze(ms: number): void {
    const frozen = [...this.sockets];
    for (const socket of frozen) {
      socket.pause();
      socket.cork();
    }
    this.thaw = new Promise((resolve) => {
      setTimeout(() => {
        this.thaw = undefined;
        for (const socket of frozen) {
          socket.uncork();
          socket.resume();
        }
        resolve();
      }, ms);
    });
  }

  /** Resolves when the sessions are not frozen. */
  async waitUntilThawed(): Promise<void> {
    await this.thaw;
  }
}
