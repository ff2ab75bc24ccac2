import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { answers } from '../scripts/background.js';

const SERVE = fileURLToPath(new URL('../dev/installer-tree/serve.ts', import.meta.url));
/** Where the example expects its mirror: the host's address on the single-node cloud's outer network. */
const [ADDRESS, PORT] = ['198.51.100.1', '8090'];
const RELEASE = `http://${ADDRESS}:${PORT}/debian/dists/bookworm/Release`;

/** Sees that the example's mirror answers: the demo's, or one of our own. Answers what ends it again. */
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
