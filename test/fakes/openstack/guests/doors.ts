import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** Port 22 of every address, or a port of our own choice where 22 may not be had. */
export class Doors {
  private readonly doors = new Map<string, { server: Server; port: number }>();

  /** @param port 22, or 0 for any */
  constructor(private readonly port: number) {}

  /** Listens on the address; `take` gets each connection. */
  async open(address: string, take: (socket: Socket) => void): Promise<void> {
    if (this.doors.has(address)) return;
    const server = createServer(take);
    this.doors.set(address, { server, port: this.port });
    server.listen(this.port, address);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    this.doors.set(address, { server, port });
  }

  close(address: string): void {
    this.doors.get(address)?.server.close();
    this.doors.delete(address);
  }

  portOf(address: string): number | undefined {
    return this.doors.get(address)?.port;
  }

  closeAll(): void {
    for (const address of [...this.doors.keys()]) this.close(address);
  }
}
