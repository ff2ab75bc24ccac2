import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FAKE_CLOUD = fileURLToPath(new URL('../test/fakes/openstack/main.ts', import.meta.url));

/** The cloud that a benchmark measures. */
export interface BenchCloud {
  /** The whole environment of a process that uses the cloud. */
  env: NodeJS.ProcessEnv;
  /** Name of the cloud in the report. */
  name: string;
  stop(): Promise<void>;
}

/** Returns the cloud that OS_CLOUD or OS_AUTH_URL names. If neither is set, starts a fake cloud in its own process. */
export async function startCloud(): Promise<BenchCloud> {
  const given = process.env['OS_CLOUD'] ?? process.env['OS_AUTH_URL'];
  if (given !== undefined) return { env: process.env, name: `Glance of ${given}`, stop: () => Promise.resolve() };
  const child = spawn(process.execPath, ['--import', 'tsx', FAKE_CLOUD, '--print-env'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const env = { ...process.env };
  for await (const line of createInterface(child.stdout)) {
    const [, variable, value] = /^export (\w+)='(.*)'$/.exec(line) ?? [];
    if (variable !== undefined) env[variable] = value;
    if (variable === 'NO_PROXY') break;
  }
  return {
    env,
    name: 'the fake cloud’s Glance',
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
