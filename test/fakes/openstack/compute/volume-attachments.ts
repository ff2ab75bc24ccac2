import { randomUUID } from 'node:crypto';
import type { Fields } from '../core/values.js';
import type { CloudState, FakeServer } from '../state.js';
import type { VolumeLife } from '../volume/volume-life.js';

/** A server's volumes, as Nova tells Cinder of them. */
export class VolumeAttachments {
  constructor(
    private readonly state: CloudState,
    private readonly volumes: VolumeLife,
  ) {}

  /** They are being attached. */
  begin(server: FakeServer): void {
    for (const volume of this.volumesOf(server)) volume.status = 'attaching';
  }

  /** They are attached. */
  finish(server: FakeServer): void {
    const attachedAt = Date.now();
    for (const { volumeId, device } of server.drives) {
      const volume = this.state.volumes.get(volumeId);
      if (volume === undefined) continue;
      volume.status = 'in-use';
      volume.attachments = [{ id: randomUUID(), serverId: server.id, device, attachedAt }];
    }
  }

  /** The server is gone: they are available again, or deleted where it was asked for. */
  release(server: FakeServer): void {
    for (const { volumeId, deleteOnTermination } of server.drives) {
      const volume = this.state.volumes.get(volumeId);
      if (volume === undefined) continue;
      Object.assign(volume, { status: 'available', attachments: [] });
      if (deleteOnTermination) this.volumes.delete(volume);
    }
  }

  /**
   * Cinder's snapshots of them, to which the image of a server whose root disk is a volume points. Nobody removes them with the
   * image, and no volume can be deleted that has one.
   */
  snapshot(server: FakeServer, imageName: string): void {
    for (const { volumeId } of server.drives) {
      const id = randomUUID();
      this.state.volumeSnapshots.set(id, { id, name: `snapshot for ${imageName}`, volumeId });
    }
  }

  private volumesOf({ drives }: FakeServer): NonNullable<ReturnType<CloudState['volumes']['get']>>[] {
    return drives.flatMap(({ volumeId }) => this.state.volumes.get(volumeId) ?? []);
  }
}

/** https://docs.openstack.org/api-ref/compute/#list-volume-attachments-for-an-instance */
export function volumeAttachmentViews(state: CloudState, server: FakeServer, version: number): Fields[] {
  return server.drives.map(({ volumeId, device, deleteOnTermination }) => ({
    volumeId,
    serverId: server.id,
    device,
    ...(version >= 70 ? { tag: null } : {}),
    ...(version >= 79 ? { delete_on_termination: deleteOnTermination } : {}),
    ...(version >= 89 ? { attachment_id: state.volumes.get(volumeId)?.attachments[0]?.id ?? null } : { id: volumeId }),
  }));
}
