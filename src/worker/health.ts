import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cannotListenError, type Address } from './address.js';

/** The answer of the health address. */
export interface Health {
  healthy: boolean;
  /** State of the worker of each task queue. Empty until the workers are created. */
  lanes: Record<string, string>;
  /** `answers`, or why Temporal does not answer. */
  temporal: string;
}

/**
 * Serves the health of the workers by HTTP, as JSON. The status is 200 while the workers of all task queues poll and
 * Temporal answers, and 503 otherwise.
 *
 * @param name the option that gives the address, for the message
 * @throws FactoryError InvalidParameter when the server cannot listen at the address
 */
export async function serveHealth(
  name: string,
  address: Address,
  readHealth: () => Health,
): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => {
    const health = readHealth();
    response.writeHead(health.healthy ? 200 : 503, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(health)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListenError(name, address, error)));
    server.listen(address.port, address.host.replace(/^\[|\]$/g, ''), resolve);
  });
  server.unref();
  return { server, port: (server.address() as AddressInfo).port };
}
