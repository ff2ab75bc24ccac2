import type { Socket } from 'node:net';

/**
 * Resets a connection. One that the other side has ended is being shut down already: Node 20 cannot reset it any more, and a
 * process that has tried never exits.
 */
export function reset(socket: Socket): void {
  if (socket.writable) socket.resetAndDestroy();
  else socket.destroy();
}
