import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AddressPolicy } from '../../../src/media/addresses.js';

/** Media access that opens the loopback addresses, because the servers of these tests listen there. */
export const LOOPBACK = { addresses: new AddressPolicy(['127.0.0.0/8']) };

/** An HTTP server for one test; `await using` closes it. */
export interface TestServer {
  url: string;
  port: number;
  requests: IncomingMessage[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts an HTTP server on an address of the loopback network. Default: 127.0.0.1 and a free port. */
export async function serve(
  handler: RequestListener,
  { host = '127.0.0.1', port: wanted = 0 }: { host?: string; port?: number } = {},
): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  server.listen(wanted, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
