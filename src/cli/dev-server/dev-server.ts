import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { ClientError } from '../../client/errors.js';
import { cacheFolder, projectFolder, temporalBinary } from './temporal-binary.js';

/** Seconds until the server must answer, and until it must be gone. */
const START_TIMEOUT = 60;
const STOP_TIMEOUT = 20;

const composeFile = z.object({ services: z.object({ temporal: z.object({ command: z.array(z.string()).min(2) }) }) });

export interface DevServerOptions {
  /** Where database, log and pid file are. Default `.cache/temporal` of the project. */
  directory?: string;
  /** Default: those of `temporal-dev.yaml`. */
  port?: number;
  uiPort?: number;
  env?: NodeJS.ProcessEnv;
  say?: (line: string) => void;
}

export interface DevServerStatus {
  running: boolean;
  pid?: number;
  /** `127.0.0.1:7233`. */
  address: string;
  /** `http://127.0.0.1:8233`. */
  ui: string;
  log: string;
}

/** The arguments that `temporal-dev.yaml` gives the server. */
export async function composeArguments(): Promise<string[]> {
  const text = await readFile(join(projectFolder(), 'temporal-dev.yaml'), 'utf8');
  return composeFile.parse(parse(text)).services.temporal.command;
}

function readOption(args: string[], option: string): string | undefined {
  return args.find((argument) => argument.startsWith(`--${option}=`))?.slice(option.length + 3);
}

/** The same command for a local program: on the loopback only, its database in our folder. */
export function localArguments(args: string[], place: { directory: string; port: number; uiPort: number }): string[] {
  const own: Record<string, string> = {
    ip: '127.0.0.1',
    port: String(place.port),
    'ui-port': String(place.uiPort),
    'db-filename': join(place.directory, 'temporal.db'),
  };
  return args.map((argument) => {
    const name = /^--([a-z-]+)=/.exec(argument)?.[1];
    const value = name === undefined ? undefined : own[name];
    return value === undefined ? argument : `--${name}=${value}`;
  });
}

interface DevServerFiles {
  directory: string;
  port: number;
  uiPort: number;
  args: string[];
}

async function locateDevServer(options: DevServerOptions): Promise<DevServerFiles> {
  const args = await composeArguments();
  const directory = options.directory ?? join(cacheFolder(options.env), 'temporal');
  const port = options.port ?? Number(readOption(args, 'port') ?? 7233);
  const uiPort = options.uiPort ?? Number(readOption(args, 'ui-port') ?? 8233);
  return { directory, port, uiPort, args };
}

/** When a process was started, in ticks since boot: pids are used again, a pid with its start is not. */
async function readProcessStart(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return process.platform === 'linux' ? undefined : 'unknown';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

async function runningPid(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, 'temporal.pid'), 'utf8').catch(() => '');
  const [pid, start] = text.trim().split(' ');
  if (pid === undefined || start === undefined) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch {
    return undefined;
  }
  return (await readProcessStart(Number(pid))) === start ? Number(pid) : undefined;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(1000, () => socket.destroy());
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

function describeDevServer({ directory, port, uiPort }: DevServerFiles, pid: number | undefined): DevServerStatus {
  return {
    running: pid !== undefined,
    ...(pid === undefined ? {} : { pid }),
    address: `127.0.0.1:${port}`,
    ui: `http://127.0.0.1:${uiPort}`,
    log: join(directory, 'temporal.log'),
  };
}

/** Whether the development server that we started runs, and where. */
export async function devServerStatus(options: DevServerOptions = {}): Promise<DevServerStatus> {
  const place = await locateDevServer(options);
  return describeDevServer(place, await runningPid(place.directory));
}

/**
 * Starts Temporal's development server as `temporal-dev.yaml` says, in the background; does nothing when it runs.
 *
 * @throws ClientError when there is no `temporal` program, the port is somebody else's, or it does not answer in time
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServerStatus> {
  const place = await locateDevServer(options);
  const running = await runningPid(place.directory);
  if (running !== undefined) return describeDevServer(place, running);
  if (await answers(place.port)) {
    throw new ClientError(`port ${place.port} is in use by another program`, {
      hint: `if it is a Temporal server, set TEMPORAL_ADDRESS=127.0.0.1:${place.port} and use it`,
    });
  }
  const program = await temporalBinary({ env: options.env, say: options.say });
  await mkdir(place.directory, { recursive: true });
  const log = await open(join(place.directory, 'temporal.log'), 'a');
  const child = spawn(program, localArguments(place.args, place), {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, ...options.env },
  });
  await log.close();
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.unref();
  if (child.pid === undefined) throw new ClientError(`${program} could not be started`);
  await writeFile(join(place.directory, 'temporal.pid'), `${child.pid} ${(await readProcessStart(child.pid)) ?? ''}\n`);
  await ready(place, exited);
  return describeDevServer(place, child.pid);
}

async function ready(place: DevServerFiles, exited: Promise<void>): Promise<void> {
  const log = join(place.directory, 'temporal.log');
  let ended = false;
  void exited.then(() => (ended = true));
  for (const deadline = Date.now() + START_TIMEOUT * 1000; Date.now() < deadline; await delay(100)) {
    if (ended) throw new ClientError('the Temporal server ended at once', { hint: `its log is ${log}` });
    if ((await answers(place.port)) && (await answers(place.uiPort))) return;
  }
  throw new ClientError(`the Temporal server does not answer after ${START_TIMEOUT} s`, { hint: `its log is ${log}` });
}

/** Stops the development server that we started; its database stays. Does nothing when it does not run. */
export async function stopDevServer(options: DevServerOptions = {}): Promise<DevServerStatus> {
  const place = await locateDevServer(options);
  const pid = await runningPid(place.directory);
  if (pid === undefined) return describeDevServer(place, undefined);
  process.kill(pid, 'SIGTERM');
  for (
    const deadline = Date.now() + STOP_TIMEOUT * 1000;
    (await runningPid(place.directory)) !== undefined;
    await delay(100)
  ) {
    if (Date.now() < deadline) continue;
    process.kill(pid, 'SIGKILL');
    break;
  }
  await rm(join(place.directory, 'temporal.pid'), { force: true });
  return describeDevServer(place, undefined);
}
