import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Worker } from '@temporalio/worker';

/** Parses `host:port`, `:port` or `port`. Default host: 127.0.0.1. */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:(.*):)?(\d+)$/.exec(text.trim());
  if (match?.[2] === undefined) throw new TypeError(`${JSON.stringify(text)} is not an address; write host:port`);
  return { host: match[1] || '127.0.0.1', port: Number(match[2]) };
}

/**
 * Serves the health of the workers by HTTP, as JSON with the state of each task queue (`lanes`). The HTTP status is 200
 * while the workers of all task queues poll. It is 503 while one of them starts, drains or has failed.
 */
export async function serveHealth(address: string, workers: Worker[]): Promise<{ server: Server; port: number }> {
  const { host, port } = parseAddress(address);
  const server = createServer((_request, response) => {
    const lanes = Object.fromEntries(workers.map((worker) => [worker.options.taskQueue, worker.getState()]));
    const healthy = workers.every((worker) => worker.getState() === 'RUNNING');
    response.writeHead(healthy ? 200 : 503, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify({ healthy, lanes })}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  server.unref();
  return { server, port: (server.address() as AddressInfo).port };
}
