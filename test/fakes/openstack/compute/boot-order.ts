import type { BootMedium, CloudState, FakeServer } from '../state.js';

/** Lists the media in a server's CD-ROM drives, in the order of the drives. */
export function listMedia(state: CloudState, { drives }: Pick<FakeServer, 'drives'>): BootMedium[] {
  return drives
    .filter(({ isCdrom }) => isCdrom)
    .flatMap(({ volumeId }) => state.volumes.get(volumeId)?.content.medium ?? []);
}

/** Lists the media from which the server's firmware can boot, in the order in which the firmware tries them. */
function listBootMedia(state: CloudState, server: Pick<FakeServer, 'drives'>): BootMedium[] {
  return server.drives
    .filter(({ isCdrom, bootIndex }) => isCdrom && bootIndex >= 0)
    .sort((one, other) => one.bootIndex - other.bootIndex)
    .flatMap(({ volumeId }) => state.volumes.get(volumeId)?.content.medium ?? [])
    .filter(({ bootable }) => bootable);
}

/**
 * Chooses what a server boots: the kernel of its image if the image has one, else the root disk. If the root disk is
 * blank and the server has a CD-ROM drive, the server boots the medium in that drive. Without a CD-ROM drive, a blank
 * root disk counts as an installed system, because tests use blank disks in this way.
 */
export function chooseBoot(
  state: CloudState,
  server: Pick<FakeServer, 'drives' | 'root' | 'imageProperties'>,
): Pick<FakeServer, 'boots' | 'commandLine'> {
  const { root, imageProperties, drives } = server;
  if ((imageProperties['kernel_id'] ?? '') !== '') {
    return { boots: 'installer', commandLine: imageProperties['os_command_line'] ?? '' };
  }
  if (root.startsWith !== undefined) return { boots: 'installer', commandLine: root.startsWith };
  if (root.blank !== true || !drives.some(({ isCdrom }) => isCdrom)) return { boots: 'disk', commandLine: '' };
  const [medium] = listBootMedia(state, server);
  return medium === undefined
    ? { boots: 'nothing', commandLine: '' }
    : { boots: 'installer', commandLine: medium.commandLine ?? '' };
}
