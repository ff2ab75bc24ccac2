import { createServer } from 'node:net';

/**
 * Claims a /16 of the loopback range for one cloud, so that test files that run at the same time use different
 * addresses. The cloud that listens on `<prefix>.0.1` owns the range.
 *
 * @returns `prefix`: the first two numbers of the addresses; `port`: the port for SSH servers, 22 if this process may
 *   use it, else 0 for any free port; `close`: gives the range back
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
  throw new Error('the fake cloud could not listen on any address that it tried in 127.16.0.0 to 127.245.255.255');
}
