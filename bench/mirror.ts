import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { answers } from '../scripts/background.js';

const SERVE = fileURLToPath(new URL('../dev/installer-tree/serve.ts', import.meta.url));
/**
 * Address and port of the example's mirror. The address is that of the host on the single-node cloud's external
 * network.
 */
const [ADDRESS, PORT] = ['198.51.100.1', '8090'];
const RELEASE = `http://${ADDRESS}:${PORT}/debian/dists/bookworm/Release`;

/**
 * Starts the example's mirror, unless the demo's mirror already runs there. @returns a function that stops the mirror
 */
export async function startMirror(): Promise<() => Promise<void>> {
  const present = await answers(RELEASE, 1).then(
    () => true,
    () => false,
  );
  if (present) return () => Promise.resolve();
  const child = spawn(process.execPath, ['--import', 'tsx', SERVE, '--bind', ADDRESS, '--port', PORT, '--quiet'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = once(child, 'exit');
  await answers(RELEASE, 60);
  return async () => {
    child.kill('SIGTERM');
    await gone;
  };
}
