import { readFile } from 'node:fs/promises';
import type { CallPattern } from '../fakes/openstack/core/call-log.js';
import type { CloudState, FakeServer } from '../fakes/openstack/state.js';
import type { TestEnv } from './test-env.js';

/** An installer's instance, as it was just after its start. */
export interface StartedInstaller {
  server: FakeServer;
  /** The command line of its kernel. */
  commandLine: string;
  /** The user data in Base64; null when the instance has none. */
  userData: string | null;
  /** The kernel and the ramdisk with which Nova booted the installer. Unset when its image names none. */
  kernel?: Buffer;
  ramdisk?: Buffer;
  /** Paths of the files on each medium in its drives. */
  media: string[][];
}

/**
 * Records every new installer when the cloud gets a `GET /servers/detail`: the worker sends this call while it waits
 * for an installer.
 *
 * @returns a list to which each installer is added
 */
export function recordInstallers(env: TestEnv): StartedInstaller[] {
  const seen: StartedInstaller[] = [];
  const { state, faults } = env.cloud;
  const choose = async (): Promise<undefined> => {
    for (const server of state.servers.values()) {
      if (server.boots !== 'installer' || seen.some((known) => known.server.id === server.id)) continue;
      seen.push(await recordInstaller(state, server));
    }
  };
  const match: CallPattern = { service: 'compute', method: 'GET', path: /\/servers\/detail/ };
  faults.add({ kind: 'chosen', match, times: Infinity, choose });
  return seen;
}

async function recordInstaller(state: CloudState, server: FakeServer): Promise<StartedInstaller> {
  const { commandLine, userData, imageProperties, drives } = server;
  const readImage = async (property: string): Promise<Buffer | undefined> => {
    const file = state.images.get(imageProperties[property] ?? '')?.file;
    return file === undefined ? undefined : readFile(file);
  };
  const [kernel, ramdisk] = await Promise.all([readImage('kernel_id'), readImage('ramdisk_id')]);
  const media = drives
    .filter(({ isCdrom }) => isCdrom)
    .map(({ volumeId }) => [...(state.volumes.get(volumeId)?.content.medium?.files.keys() ?? [])].sort());
  return {
    server: { ...server },
    commandLine,
    userData,
    media,
    ...(kernel === undefined ? {} : { kernel }),
    ...(ramdisk === undefined ? {} : { ramdisk }),
  };
}
