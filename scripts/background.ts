import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CACHE, PROJECT } from './dev-cloud.js';

/** Folder with the pid files and logs of the programs that the demo has started. */
export const DEMO = join(CACHE, 'demo');
/** Milliseconds that a program has to end after SIGTERM. A program that still runs then gets SIGKILL. */
const PATIENCE = 40_000;

/**
 * Returns the start time of a process, in clock ticks since boot; undefined when no process with the pid runs. The
 * kernel reuses pids, so we identify a process by its pid and its start time.
 */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || fields[0] === 'Z' ? undefined : fields[19];
}

async function pidOf(name: string): Promise<number | undefined> {
  const [pid, start] = (await readFile(join(DEMO, `${name}.pid`), 'utf8').catch(() => '')).trim().split(' ');
  if (pid === undefined || start === undefined) return undefined;
  return (await startOf(Number(pid))) === start ? Number(pid) : undefined;
}

export function logOf(name: string): string {
  return join(DEMO, `${name}.log`);
}

/**
 * Starts a program that continues when this process ends. Starts nothing when a program that this function has started
 * under the same name still runs.
 *
 * @returns whether it has started the program
 */
export async function startBackground(
  name: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<boolean> {
  if ((await pidOf(name)) !== undefined) return false;
  await mkdir(DEMO, { recursive: true });
  const log = openSync(logOf(name), 'a');
  const child = spawn(process.execPath, args, {
    cwd: PROJECT,
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error(`${name} could not be started`);
  await writeFile(join(DEMO, `${name}.pid`), `${child.pid} ${(await startOf(child.pid)) ?? ''}\n`);
  return true;
}

/**
 * Stops the program that was started under the name, and waits until it has ended.
 *
 * @returns whether such a program was running
 */
export async function stopBackground(name: string): Promise<boolean> {
  const pid = await pidOf(name);
  if (pid === undefined) return false;
  process.kill(pid, 'SIGTERM');
  for (const deadline = Date.now() + PATIENCE; (await pidOf(name)) !== undefined; await delay(100)) {
    if (Date.now() < deadline) continue;
    process.kill(pid, 'SIGKILL');
    break;
  }
  await rm(join(DEMO, `${name}.pid`), { force: true });
  return true;
}

/**
 * Waits until the URL answers over HTTP with a status below 500.
 *
 * @throws Error when there is no such answer within `seconds`
 */
export async function answers(url: string, seconds: number): Promise<void> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await delay(200)) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    if (response !== undefined && response.status < 500) return;
  }
  throw new Error(`${url} does not answer after ${seconds} s`);
}
