import { randomUUID } from 'node:crypto';
import type { Fields } from '../core/values.js';
import type { CloudState, FakeServer } from '../state.js';
import type { VolumeLifecycle } from '../volume/volume-lifecycle.js';

/** Attaches and detaches the volumes of servers, as Nova does through Cinder. */
export class VolumeAttachments {
  constructor(
    private readonly state: CloudState,
    private readonly volumes: VolumeLifecycle,
  ) {}

  /** Begins to attach the server's volumes: they become `attaching`. */
  begin(server: FakeServer): void {
    for (const volume of this.findVolumes(server)) volume.status = 'attaching';
  }

  /** Ends the attachment of the server's volumes: they become `in-use`. */
  finish(server: FakeServer): void {
    const attachedAt = Date.now();
    for (const { volumeId, device } of server.drives) {
      const volume = this.state.volumes.get(volumeId);
      if (volume === undefined) continue;
      volume.status = 'in-use';
      volume.attachments = [{ id: randomUUID(), serverId: server.id, device, attachedAt }];
    }
  }

  /** Detaches the volumes of a deleted server, and deletes those with `delete_on_termination`. */
  release(server: FakeServer): void {
    for (const { volumeId, deleteOnTermination } of server.drives) {
      const volume = this.state.volumes.get(volumeId);
      if (volume === undefined) continue;
      Object.assign(volume, { status: 'available', attachments: [] });
      if (deleteOnTermination) this.volumes.delete(volume);
    }
  }

  /**
   * Creates a snapshot of each volume, for the image of a volume-backed server. When the image is deleted, the
   * snapshots stay, and Cinder does not delete a volume that has snapshots.
   */
  snapshot(server: FakeServer, imageName: string): void {
    for (const { volumeId } of server.drives) {
      const id = randomUUID();
      this.state.volumeSnapshots.set(id, { id, name: `snapshot for ${imageName}`, volumeId });
    }
  }

  private findVolumes({ drives }: FakeServer): NonNullable<ReturnType<CloudState['volumes']['get']>>[] {
    return drives.flatMap(({ volumeId }) => this.state.volumes.get(volumeId) ?? []);
  }
}

/**
 * Builds the list of a server's volume attachments:
 * https://docs.openstack.org/api-ref/compute/#list-volume-attachments-for-an-instance
 */
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
