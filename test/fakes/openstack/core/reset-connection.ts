import type { Socket } from 'node:net';

/**
 * Resets a connection. If the other side has already ended the connection, destroys it instead. Node is then shutting
 * the connection down and cannot reset it: a process that tries never exits (seen with Node 20).
 */
export function resetConnection(socket: Socket): void {
  if (socket.writable) socket.resetAndDestroy();
  else socket.destroy();
}
