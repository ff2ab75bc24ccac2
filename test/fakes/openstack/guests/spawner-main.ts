import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import type { SpawnReport, SpawnRequest } from './spawner.js';

/*
 * The process that starts the commands of guests: see `spawner.ts`. Node runs this file as it is, so its types must be
 * erasable. Argument: the name of the abstract Unix socket on which it listens.
 */

/** A command that is not started yet: its request and its connections come in any order. */
interface Pending {
  request?: SpawnRequest;
  /** The connections for standard input, output and error. */
  streams: (Socket | undefined)[];
}

const pending = new Map<number, Pending>();

function report(message: SpawnReport): void {
  if (process.connected) process.send?.(message);
}

function getPending(id: number): Pending {
  const found = pending.get(id) ?? { streams: [] };
  pending.set(id, found);
  return found;
}

function startIfComplete(id: number): void {
  const { request, streams } = getPending(id);
  const [input, output, errors] = streams;
  if (request === undefined || input === undefined || output === undefined || errors === undefined) return;
  pending.delete(id);
  const child = spawn(request.command, request.args, { env: request.env, stdio: [input, output, errors] });
  child.once('spawn', () => report({ id, event: 'spawn' }));
  child.once('error', ({ message }) => report({ id, event: 'error', message }));
  child.once('exit', (code, signal) => report({ id, event: 'exit', code, signal }));
  // The command has its own copies of these sockets, so this process closes its copies.
  for (const stream of [input, output, errors]) stream.destroy();
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => undefined);
  // The client sends this line, and nothing else before the command has started.
  socket.once('data', (line) => {
    socket.pause();
    const [id = 0, stream = 0] = line.toString().split(' ').map(Number);
    getPending(id).streams[stream] = socket;
    startIfComplete(id);
  });
});
server.listen(`\0${process.argv[2]}`, () => report({ id: 0, event: 'ready' }));
process.on('message', (request: SpawnRequest) => {
  getPending(request.id).request = request;
  startIfComplete(request.id);
});
process.once('disconnect', () => process.exit());
