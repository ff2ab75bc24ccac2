import { formatWholeSeconds, type Fields } from '../core/values.js';
import type { CloudState, FakeAttachment, FakeVolume } from '../state.js';
import { VOLUME_TYPE } from './requests.js';

/** Builds the JSON of a volume without details. `endpoint`: the address of Cinder, without version and project. */
export function briefVolume({ projectId }: CloudState, { id, name }: FakeVolume, endpoint: string): Fields {
  const links = [
    { rel: 'self', href: `${endpoint}/v3/${projectId}/volumes/${id}` },
    { rel: 'bookmark', href: `${endpoint}/${projectId}/volumes/${id}` },
  ];
  return { id, name, links };
}

/** Builds the JSON of a volume with all details, as in microversion 3.1. */
export function volumeView(state: CloudState, volume: FakeVolume, endpoint: string): Fields {
  const { imageMetadata, updatedAt } = volume;
  return {
    ...briefVolume(state, volume, endpoint),
    status: volume.status,
    size: volume.size,
    availability_zone: 'nova',
    created_at: formatWholeSeconds(volume.createdAt),
    updated_at: updatedAt === null ? null : formatWholeSeconds(updatedAt),
    description: volume.description,
    volume_type: VOLUME_TYPE,
    snapshot_id: null,
    source_volid: null,
    metadata: volume.metadata,
    user_id: state.userId,
    bootable: String(volume.bootable),
    encrypted: false,
    replication_status: null,
    consistencygroup_id: null,
    multiattach: false,
    attachments: volume.attachments.map((attachment) => attachmentView(volume, attachment)),
    'os-vol-tenant-attr:tenant_id': state.projectId,
    ...(imageMetadata === undefined ? {} : { volume_image_metadata: imageMetadata }),
  };
}

function attachmentView({ id }: FakeVolume, { id: attachment, serverId, device, attachedAt }: FakeAttachment): Fields {
  return {
    id,
    attachment_id: attachment,
    volume_id: id,
    server_id: serverId,
    host_name: null,
    device,
    attached_at: formatWholeSeconds(attachedAt),
  };
}
