import { createServer } from 'node:net';

/**
 * A /16 of the loopback range for this cloud alone: whoever listens on its first address has it, so that test files that
 * run at the same time do not meet. Port 22 where this user may have it, else any.
 */
export async function claimAddresses(): Promise<{ prefix: string; port: number; close(): void }> {
  for (const port of [22, 0]) {
    for (let tries = 0; tries < 100; tries++) {
      const prefix = `127.${16 + Math.floor(Math.random() * 230)}`;
      const gate = createServer((socket) => socket.destroy());
      const taken = await new Promise<string | undefined>((resolve) => {
        gate.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
        gate.listen(port, `${prefix}.0.1`, () => resolve(undefined));
      });
      if (taken === undefined) return { prefix, port, close: () => gate.close() };
      if (taken !== 'EADDRINUSE') break;
    }
  }
  throw new Error('no addresses of the loopback range can be listened on');
}
