import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Resets a connection. If the other side has already ended the connection, destroys it instead. Node is then shutting
 * the connection down and cannot reset it: a process that tries never exits (seen with Node 20). Node cannot reset a
 * connection with TLS (seen with Node 24).
 */
export function resetConnection(socket: Socket): void {
  if (socket.writable && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  else socket.destroy();
}
