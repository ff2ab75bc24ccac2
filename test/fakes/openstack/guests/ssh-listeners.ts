import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** The SSH ports of the guests' addresses: port 22, or any free port if this process may not use 22. */
export class SshListeners {
  private readonly listeners = new Map<string, { server: Server; port: number }>();

  /** @param port the port to listen on: 22, or 0 for any free port */
  constructor(private readonly port: number) {}

  /** Listens on the SSH port of an address. `accept` gets each connection. */
  async listen(address: string, accept: (socket: Socket) => void): Promise<void> {
    if (this.listeners.has(address)) return;
    const server = createServer(accept);
    this.listeners.set(address, { server, port: this.port });
    server.listen(this.port, address);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    this.listeners.set(address, { server, port });
  }

  close(address: string): void {
    this.listeners.get(address)?.server.close();
    this.listeners.delete(address);
  }

  findPort(address: string): number | undefined {
    return this.listeners.get(address)?.port;
  }

  closeAll(): void {
    for (const address of [...this.listeners.keys()]) this.close(address);
  }
}
