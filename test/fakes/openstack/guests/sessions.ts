import type { Socket } from 'node:net';
import { reset } from '../core/reset.js';

/** The SSH sessions of a cloud's guests, as a test sees and disturbs them. */
export class Sessions {
  /** Called when a command is about to run in a guest, which waits for the answer. */
  onBegin: (() => Promise<void>) | undefined;
  /** Called when a command has ended and its exit status has been sent. */
  onEnd: (() => void) | undefined;
  private readonly sockets = new Set<Socket>();
  private thaw: Promise<void> | undefined;

  add(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.sockets) reset(socket);
  }

  /** For so many milliseconds nothing comes from a guest, and new connections get no answer. */
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

  /** Resolves when connections are served. */
  async served(): Promise<void> {
    await this.thaw;
  }
}
