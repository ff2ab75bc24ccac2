import { ApiError, errorPage, Routes, TITLES, type Call, type Reply, type Service } from '../core/http.js';
import { asFields, isFields, type Fields } from '../core/values.js';
import type { CloudState, FakeVolume } from '../state.js';
import { listMessages, removeMessage } from './messages.js';
import { checkMetadata, readCreateVolume, readUpload, VOLUME_TYPE } from './requests.js';
import type { VolumeLifecycle } from './volume-lifecycle.js';
import { listVolumes } from './volume-list.js';
import { volumeView } from './volume-view.js';

/**
 * Minor number of Cinder's newest microversion in the release Zed: 3.70. In replies of the fake, a volume has the
 * fields of microversion 3.1, whichever microversion the caller requests.
 */
const NEWEST = 70;

const ERROR_NAMES: Record<number, string> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
  503: 'serviceUnavailable',
};

const NOT_DELETABLE =
  'Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.';

/** A fake of Cinder's API v3: https://docs.openstack.org/api-ref/block-storage/v3/ */
export class Volume implements Service {
  readonly name = 'volume';
  readonly routes = new Routes();

  constructor(
    private readonly state: CloudState,
    private readonly lifecycle: VolumeLifecycle,
  ) {
    this.routes
      .on('GET', '/', (call) => ({ status: 300, json: versions(call) }))
      .on('GET', '/v3', (call) => ({ status: 200, json: versions(call) }))
      .on('GET', '/v3/:project/volumes', (call) => listVolumes(state, call, false))
      .on('GET', '/v3/:project/volumes/detail', (call) => listVolumes(state, call, true))
      .on('POST', '/v3/:project/volumes', (call) => this.create(call))
      .on('GET', '/v3/:project/volumes/:id', (call) => this.show(call, 200, this.find(call)))
      .on('DELETE', '/v3/:project/volumes/:id', (call) => this.delete(call))
      .on('POST', '/v3/:project/volumes/:id/metadata', (call) => this.setMetadata(call))
      .on('POST', '/v3/:project/volumes/:id/action', (call) => this.act(call))
      .on('GET', '/v3/:project/messages', (call) => listMessages(state, call))
      .on('DELETE', '/v3/:project/messages/:id', (call) => removeMessage(state, call))
      .on('GET', '/v3/:project/snapshots/detail', (call) => this.listSnapshots(call))
      .on('DELETE', '/v3/:project/snapshots/:id', (call) => this.deleteSnapshot(call));
  }

  isOpen(_method: string, path: string): boolean {
    return path === '/' || path === '/v3';
  }

  headers(call: Call): Record<string, string> {
    return {
      'openstack-api-version': `volume 3.${call.microversion}`,
      vary: 'OpenStack-API-Version',
      'x-openstack-request-id': call.id,
      'x-compute-request-id': call.id,
    };
  }

  errorReply(error: ApiError): Reply {
    const { status: code, message } = error;
    if (code === 401) return { status: code, json: { error: { code, title: 'Unauthorized', message } } };
    // For an unknown path Cinder's router sends an HTML page instead of JSON.
    if (code === 404 && message === 'The resource could not be found.')
      return { status: code, html: errorPage(404, TITLES[404] ?? '', message) };
    const name = ERROR_NAMES[code] ?? 'computeFault';
    if (code !== 413) return { status: code, json: { [name]: { code, message } } };
    // Cinder always sends Retry-After 0, because it cannot tell when quota will be available.
    return { status: code, json: { [name]: { code, message, retryAfter: '0' } }, headers: { 'retry-after': '0' } };
  }

  /** Reads the requested microversion, and checks that the project in the path is the project of the cloud. */
  prepare(call: Call): void {
    const header = String(call.headers['openstack-api-version'] ?? '');
    const wanted = /volume (\d+\.\d+)/.exec(header)?.[1] ?? (header.includes('latest') ? `3.${NEWEST}` : '3.0');
    const [major, minor] = wanted.split('.').map(Number);
    call.microversion = minor ?? 0;
    if (major !== 3 || call.microversion > NEWEST) {
      throw new ApiError(
        406,
        `Version ${wanted} is not supported by the API. Minimum is 3.0 and maximum is 3.${NEWEST}.`,
      );
    }
    const project = /^\/v3\/([^/]+)/.exec(call.path)?.[1];
    if (project !== undefined && project !== this.state.projectId) throw new ApiError(400, 'Malformed request url');
  }

  private find(call: Call): FakeVolume {
    const id = call.params['id'] ?? '';
    const volume = this.state.volumes.get(id);
    if (volume === undefined) throw new ApiError(404, `Volume ${id} could not be found.`);
    return volume;
  }

  private show(call: Call, status: number, volume: FakeVolume): Reply {
    return { status, json: { volume: volumeView(this.state, volume, call.endpoint) } };
  }

  private async create(call: Call): Promise<Reply> {
    const request = readCreateVolume(this.state, await call.json());
    return this.show(call, 202, this.lifecycle.create(request));
  }

  private delete(call: Call): Reply {
    const volume = this.find(call);
    const isAtRest = /^(available|error(_restoring|_extending|_managing)?)$/.test(volume.status);
    const hasSnapshots = [...this.state.volumeSnapshots.values()].some(({ volumeId }) => volumeId === volume.id);
    if (!isAtRest || volume.attachments.length > 0 || hasSnapshots) throw new ApiError(400, NOT_DELETABLE);
    this.lifecycle.delete(volume);
    return { status: 202 };
  }

  private listSnapshots({ query }: Call): Reply {
    const wanted = query.get('volume_id');
    const found = [...this.state.volumeSnapshots.values()].filter(
      ({ volumeId }) => wanted === null || volumeId === wanted,
    );
    // The status is always `error`, because most of Cinder's drivers cannot take a snapshot of a volume in use.
    const snapshots = found.map(({ id, name, volumeId }) => ({ id, name, volume_id: volumeId, status: 'error' }));
    return { status: 200, json: { snapshots } };
  }

  private deleteSnapshot(call: Call): Reply {
    const id = call.params['id'] ?? '';
    if (!this.state.volumeSnapshots.delete(id)) throw new ApiError(404, `Snapshot ${id} could not be found.`);
    return { status: 202 };
  }

  private async act(call: Call): Promise<Reply> {
    const body = asFields(await call.json());
    const [action = ''] = Object.keys(body);
    const given = isFields(body[action]) ? body[action] : {};
    const volume = this.find(call);
    if (action === 'os-set_image_metadata') return this.setImageMetadata(volume, given);
    if (action === 'os-volume_upload_image') return this.upload(volume, given);
    throw new ApiError(
      400,
      `There is no such action: ${action}. Verify the request body and Content-Type header and try again.`,
    );
  }

  private async setMetadata(call: Call): Promise<Reply> {
    const volume = this.find(call);
    checkMetadataChange(volume);
    volume.metadata = { ...volume.metadata, ...checkMetadata(asFields(await call.json())['metadata']) };
    return { status: 200, json: { metadata: volume.metadata } };
  }

  private setImageMetadata(volume: FakeVolume, given: Fields): Reply {
    checkMetadataChange(volume);
    volume.imageMetadata = { ...volume.imageMetadata, ...checkMetadata(given['metadata']) };
    return { status: 200, json: { metadata: volume.imageMetadata } };
  }

  private upload(volume: FakeVolume, given: Fields): Reply {
    const request = readUpload(given);
    if (volume.status !== 'available') {
      throw new ApiError(400, `Invalid volume: Volume ${volume.id} status must be available`);
    }
    const image = this.lifecycle.upload(volume, request);
    const answer = {
      id: volume.id,
      status: volume.status,
      size: volume.size,
      display_description: volume.description,
      volume_type: { name: VOLUME_TYPE },
      image_id: image.id,
      image_name: request.name,
      container_format: request.container_format,
      disk_format: request.disk_format,
      protected: false,
      visibility: request.visibility,
    };
    return { status: 202, json: { 'os-volume_upload_image': answer } };
  }
}

/** Checks that a volume's metadata or image metadata may be changed. Cinder refuses both with the same message. */
function checkMetadataChange({ status }: FakeVolume): void {
  if (status !== 'uploading' && status !== 'maintenance') return;
  throw new ApiError(400, `Invalid volume: Updating volume metadata is not allowed for volumes in ${status} status.`);
}

function versions(call: Call): Fields {
  const version = {
    id: 'v3.0',
    status: 'CURRENT',
    version: `3.${NEWEST}`,
    min_version: '3.0',
    updated: '2022-08-31T00:00:00Z',
    links: [
      { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/' },
      { rel: 'self', href: `${call.endpoint}/v3/` },
    ],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.volume+json;version=3' }],
  };
  return { versions: [version] };
}
