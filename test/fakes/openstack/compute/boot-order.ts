import type { BootMedium, CloudState, FakeServer } from '../state.js';

/** All the media in a server's CD-ROM drives, in their order. */
export function mediaOf(state: CloudState, { drives }: Pick<FakeServer, 'drives'>): BootMedium[] {
  return drives
    .filter(({ isCdrom }) => isCdrom)
    .flatMap(({ volumeId }) => state.volumes.get(volumeId)?.content.medium ?? []);
}

/** The media in a server's CD-ROM drives from which its firmware would start it, in the order in which it tries them. */
export function bootMedia(state: CloudState, server: Pick<FakeServer, 'drives'>): BootMedium[] {
  return server.drives
    .filter(({ isCdrom, bootIndex }) => isCdrom && bootIndex >= 0)
    .sort((one, other) => one.bootIndex - other.bootIndex)
    .flatMap(({ volumeId }) => state.volumes.get(volumeId)?.content.medium ?? [])
    .filter(({ bootable }) => bootable);
}

/**
 * What a server that is switched on starts: the kernel that Nova was given, else its root disk, else, if that is empty, a medium. An empty disk in a
 * server without drives is one that tests let stand for an installed system.
 */
export function bootOf(
  state: CloudState,
  server: Pick<FakeServer, 'drives' | 'root' | 'imageProperties'>,
): Pick<FakeServer, 'boots' | 'commandLine'> {
  const { root, imageProperties, drives } = server;
  if ((imageProperties['kernel_id'] ?? '') !== '') {
    return { boots: 'installer', commandLine: imageProperties['os_command_line'] ?? '' };
  }
  if (root.startsWith !== undefined) return { boots: 'installer', commandLine: root.startsWith };
  if (root.blank !== true || !drives.some(({ isCdrom }) => isCdrom)) return { boots: 'disk', commandLine: '' };
  const [medium] = bootMedia(state, server);
  return medium === undefined
    ? { boots: 'nothing', commandLine: '' }
    : { boots: 'installer', commandLine: medium.commandLine ?? '' };
}
