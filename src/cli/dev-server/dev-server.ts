import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { CommandError } from '../errors.js';
import { findMarkedProcess, formatProcessMark } from './process-mark.js';
import { cacheFolder, projectFolder, findTemporalBinary } from './temporal-binary.js';

/** Seconds within which a new server must answer. If it does not, the start fails. */
const START_TIMEOUT = 60;
/** Seconds after which a server that does not stop is killed. */
const STOP_TIMEOUT = 20;

const composeFile = z.object({ services: z.object({ temporal: z.object({ command: z.array(z.string()).min(2) }) }) });

export interface DevServerOptions {
  /** Folder of the database, the log and the pid file. Default `.cache/temporal` of the project. */
  directory?: string;
  /** Ports of the server and of its UI. Default: those of `temporal-dev.yaml`. */
  port?: number;
  uiPort?: number;
  env?: NodeJS.ProcessEnv;
  say?: (line: string) => void;
}

export interface DevServerStatus {
  running: boolean;
  pid?: number;
  /** Address of the server: `127.0.0.1:7233`. */
  address: string;
  /** Address of the UI: `http://127.0.0.1:8233`. */
  ui: string;
  log: string;
}

/** Reads the server's arguments from `temporal-dev.yaml`. */
export async function readComposeArguments(): Promise<string[]> {
  const text = await readFile(join(projectFolder(), 'temporal-dev.yaml'), 'utf8');
  return composeFile.parse(parse(text)).services.temporal.command;
}

function readOption(args: string[], option: string): string | undefined {
  return args.find((argument) => argument.startsWith(`--${option}=`))?.slice(option.length + 3);
}

/**
 * Changes the arguments of `temporal-dev.yaml` for a local program, which listens on the loopback address only and has
 * its database in `files.directory`.
 */
export function toLocalArguments(args: string[], files: { directory: string; port: number; uiPort: number }): string[] {
  const own: Record<string, string> = {
    ip: '127.0.0.1',
    port: String(files.port),
    'ui-port': String(files.uiPort),
    'db-filename': join(files.directory, 'temporal.db'),
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
  const args = await readComposeArguments();
  const directory = options.directory ?? join(cacheFolder(options.env), 'temporal');
  const port = options.port ?? Number(readOption(args, 'port') ?? 7233);
  const uiPort = options.uiPort ?? Number(readOption(args, 'ui-port') ?? 8233);
  return { directory, port, uiPort, args };
}

async function findRunningPid(directory: string): Promise<number | undefined> {
  return findMarkedProcess(await readFile(join(directory, 'temporal.pid'), 'utf8').catch(() => ''));
}

function isListening(port: number): Promise<boolean> {
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

/** Finds out whether the development server that we started runs, and where. */
export async function fetchDevServerStatus(options: DevServerOptions = {}): Promise<DevServerStatus> {
  const files = await locateDevServer(options);
  return describeDevServer(files, await findRunningPid(files.directory));
}

/**
 * Starts Temporal's development server in the background, with the arguments of `temporal-dev.yaml`. Does nothing when
 * the server runs already.
 *
 * @throws CommandError when there is no `temporal` program, another program has the port, or the server does not
 *   answer in time
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServerStatus> {
  const files = await locateDevServer(options);
  const running = await findRunningPid(files.directory);
  if (running !== undefined) return describeDevServer(files, running);
  if (await isListening(files.port)) {
    throw new CommandError(`port ${files.port} is in use by another program`, {
      hint: `if it is a Temporal server, set TEMPORAL_ADDRESS=127.0.0.1:${files.port} and use it`,
    });
  }
  const program = await findTemporalBinary({ env: options.env, say: options.say });
  await mkdir(files.directory, { recursive: true });
  const log = await open(join(files.directory, 'temporal.log'), 'a');
  const child = spawn(program, toLocalArguments(files.args, files), {
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
  if (child.pid === undefined) throw new CommandError(`${program} could not be started`);
  await writeFile(join(files.directory, 'temporal.pid'), formatProcessMark(child.pid));
  await waitUntilReady(files, exited);
  return describeDevServer(files, child.pid);
}

async function waitUntilReady(files: DevServerFiles, exited: Promise<void>): Promise<void> {
  const log = join(files.directory, 'temporal.log');
  let ended = false;
  void exited.then(() => (ended = true));
  for (const deadline = Date.now() + START_TIMEOUT * 1000; Date.now() < deadline; await delay(100)) {
    if (ended)
      throw new CommandError('the Temporal server ended right after its start', {
        hint: `read the log of the server: ${log}`,
      });
    if ((await isListening(files.port)) && (await isListening(files.uiPort))) return;
  }
  throw new CommandError(`the Temporal server does not answer after ${START_TIMEOUT} s`, {
    hint: `read the log of the server: ${log}`,
  });
}

/** Stops the development server that we started, and keeps its database. Does nothing when the server does not run. */
export async function stopDevServer(options: DevServerOptions = {}): Promise<DevServerStatus> {
  const files = await locateDevServer(options);
  const pid = await findRunningPid(files.directory);
  if (pid === undefined) return describeDevServer(files, undefined);
  process.kill(pid, 'SIGTERM');
  for (
    const deadline = Date.now() + STOP_TIMEOUT * 1000;
    (await findRunningPid(files.directory)) !== undefined;
    await delay(100)
  ) {
    if (Date.now() < deadline) continue;
    process.kill(pid, 'SIGKILL');
    break;
  }
  await rm(join(files.directory, 'temporal.pid'), { force: true });
  return describeDevServer(files, undefined);
}
