import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectImageFactory } from '../../client/index.js';
import { startDevServer, stopDevServer } from '../dev-server/dev-server.js';
import { CommandError } from '../errors.js';
import type { StateFolder } from './state-folder.js';

/** How often the start is tried, each time on other ports: another program may take a port that has just been free. */
const STARTS = 3;
/** Between the port of the server and that of its UI: links to the UI are made by this rule (`findUiAddress`). */
const UI_DISTANCE = 1000;
/** How many ports are tried at each start. */
const PORTS = 50;
const HIGHEST_PORT = 65_535;
/** Seconds within which a started server must know its namespace. */
const READY_TIMEOUT = 60;

/**
 * Starts Temporal's development server for this process, with its database in the state folder, on ports that are free.
 * Stops a server that a killed process has left there. Afterwards `env` leads to this server and to no other one, by
 * the configuration file in the state folder.
 *
 * @returns a function that stops the server
 * @throws CommandError when there is no `temporal` program, or the server does not start
 */
export async function startLocalServer(
  folder: StateFolder,
  { env, say }: { env: NodeJS.ProcessEnv; say: (line: string) => void },
): Promise<() => Promise<void>> {
  const directory = folder.temporal;
  await stopDevServer({ directory, env });
  const address = await startOnFreePorts({ directory, env, say });
  for (const name of Object.keys(env)) {
    if (name.startsWith('TEMPORAL_') && name !== 'TEMPORAL_CLI') delete env[name];
  }
  const profile = `[profile.default]\naddress = "${address}"\nnamespace = "default"\n`;
  writeFileSync(folder.temporalConfig, profile, { mode: 0o600 });
  env['TEMPORAL_CONFIG_FILE'] = folder.temporalConfig;
  const stop = async (): Promise<void> => {
    await stopDevServer({ directory, env });
  };
  try {
    await waitForNamespace(env);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

async function startOnFreePorts(options: {
  directory: string;
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
}): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      const port = await findFreePort();
      const { address } = await startDevServer({ ...options, port, uiPort: port + UI_DISTANCE });
      return address;
    } catch (error) {
      await stopDevServer(options);
      if (tries === STARTS) throw error;
    }
  }
}

/**
 * Finds a free port for the server, whose UI's port is free too.
 *
 * @param listen listens at a port for a moment, and returns the port; 0 is any port that is free
 * @throws CommandError when there is none, or this process may not listen
 */
export async function findFreePort(listen: (wanted: number) => Promise<number> = listenBriefly): Promise<number> {
  let last: NodeJS.ErrnoException | undefined;
  for (let tries = 1; tries <= PORTS; tries++) {
    try {
      const port = await listen(0);
      if (port + UI_DISTANCE > HIGHEST_PORT) continue;
      await listen(port + UI_DISTANCE);
      return port;
    } catch (error) {
      last = error as NodeJS.ErrnoException;
    }
  }
  const isTaken = last === undefined || last.code === 'EADDRINUSE';
  const reason = isTaken ? `of ${PORTS} free ports, none is ${UI_DISTANCE} below another free one` : last?.message;
  throw new CommandError(`the Temporal server gets no port on 127.0.0.1: ${reason}`, {
    hint: 'start a server on ports of your choice, set TEMPORAL_ADDRESS, start `imagefactory worker`, and leave --local out',
    cause: last,
  });
}

function listenBriefly(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Waits until the server knows its namespace: it listens a moment before. */
async function waitForNamespace(env: NodeJS.ProcessEnv): Promise<void> {
  for (const deadline = Date.now() + READY_TIMEOUT * 1000; ; await sleep(100)) {
    try {
      const client = await connectImageFactory({ env });
      const { namespace } = client;
      await client
        .withTimeout(() => client.temporal.workflowService.describeNamespace({ namespace }))
        .finally(() => client.close());
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
