import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** A command in a guest that has sent a word to the host, and waits until the test lets it continue. */
export interface Knock {
  word: string;
  letGo(): void;
}

/**
 * A server on the host. A command in a guest connects to it, sends a word to report its progress, and waits for a line:
 *
 *     #!/bin/bash
 *     exec 3<>/dev/tcp/ADDRESS/PORT; echo here >&3; read -r go <&3
 */
export class Door {
  /** Every word that the guests have sent, in order. */
  readonly words: string[] = [];
  private readonly waiting = new Map<string, (knock: Knock) => void>();
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor() {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket)).on('error', () => undefined);
      createInterface({ input: socket }).on('line', (word) => this.heard(word, socket));
    });
  }

  static async open(address: string): Promise<Door> {
    const door = new Door();
    await new Promise<void>((resolve, reject) => {
      door.server.once('error', reject).listen(0, address, resolve);
    });
    return door;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Waits until a command sends this word. */
  knock(word: string): Promise<Knock> {
    return new Promise((resolve) => this.waiting.set(word, resolve));
  }

  /** Returns a bash command that sends the word, and then waits until the test lets it continue. */
  say(word: string, address: string): string {
    return `exec 3<>/dev/tcp/${address}/${this.port}; echo "${word}" >&3; read -r go <&3`;
  }

  private heard(word: string, socket: Socket): void {
    this.words.push(word);
    const knocked = this.waiting.get(word);
    const letGo = (): void => void socket.end('go\n');
    if (knocked === undefined) return letGo();
    this.waiting.delete(word);
    knocked({ word, letGo });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
