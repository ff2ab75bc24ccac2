import type { Socket } from 'node:net';

/**
 * Resets a connection. If the other side has already ended the connection, destroys it instead: Node is then
 * shutting it down and cannot reset it, and a process that tries to reset it never exits (seen with Node 20).
 */
export function resetConnection(socket: Socket): void {
  if (socket.writable) socket.resetAndDestroy();
  else socket.destroy();
}
