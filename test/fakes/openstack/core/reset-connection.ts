import type { Socket } from 'node:net';

/**
 * Resets a connection. Node 20 cannot reset a connection that the other side has ended, because it already shuts it
 * down, and a process that has tried never exits; such a connection is destroyed instead.
 */
export function resetConnection(socket: Socket): void {
  if (socket.writable) socket.resetAndDestroy();
  else socket.destroy();
}
