import { readFile } from 'node:fs/promises';
import type { CallPattern } from '../fakes/openstack/core/call-log.js';
import type { CloudState, FakeServer } from '../fakes/openstack/state.js';
import type { TestEnv } from './bed.js';

/** An installer's instance, as it was when it had just been started. */
export interface StartedInstaller {
  server: FakeServer;
  /** What its kernel was told. */
  commandLine: string;
  /** Base64. */
  userData: string | null;
  /** Bytes of what Nova gave it. */
  kernel?: Buffer;
  ramdisk?: Buffer;
  /** Paths of the files on each medium in its drives. */
  media: string[][];
}

/** Notes every installer when somebody has begun to wait for it. */
export function startedInstallers(bed: TestEnv): StartedInstaller[] {
  const seen: StartedInstaller[] = [];
  const { state, faults } = bed.cloud;
  const choose = async (): Promise<undefined> => {
    for (const server of state.servers.values()) {
      if (server.boots !== 'installer' || seen.some((known) => known.server.id === server.id)) continue;
      seen.push(await seenOf(state, server));
    }
  };
  const match: CallPattern = { service: 'compute', method: 'GET', path: /\/servers\/detail/ };
  faults.add({ kind: 'chosen', match, times: Infinity, choose });
  return seen;
}

async function seenOf(state: CloudState, server: FakeServer): Promise<StartedInstaller> {
  const { commandLine, userData, imageProperties, drives } = server;
  const bytesOf = async (property: string): Promise<Buffer | undefined> => {
    const file = state.images.get(imageProperties[property] ?? '')?.file;
    return file === undefined ? undefined : readFile(file);
  };
  const [kernel, ramdisk] = await Promise.all([bytesOf('kernel_id'), bytesOf('ramdisk_id')]);
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
