import type { Socket } from 'node:net';

/**
 * Resets a connection. Destroys it instead if the other side has ended it: Node 20 is already shutting such a connection
 * down and cannot reset it, and a process that tries to reset it never exits.
 */
export function resetConnection(socket: Socket): void {
  if (socket.writable) socket.resetAndDestroy();
  else socket.destroy();
}
