import { FactoryError } from '../../domain/errors.js';
import type { Session } from '../auth/keystone-session.js';
import { ServiceClient, type ServiceCall } from '../auth/service-client.js';
import type { CallOptions } from '../../http/call-options.js';
import type { CreateVolume, Volume, Volumes } from './types.js';
import { messagesSchema, uploadSchema, volumePage, volumeSchema } from './schemas.js';

/**
 * The microversion of all calls except those for messages. 3.1 is the first microversion in which an upload can set the
 * image's visibility; our other calls need only 3.0.
 */
const HEADERS = { 'openstack-api-version': 'volume 3.1' };

/** The first microversion that filters messages by resource. */
const MESSAGES = { 'openstack-api-version': 'volume 3.5' };

/**
 * Creates the error for a volume that Cinder has failed to delete. Only administrators can force the deletion:
 * https://docs.openstack.org/api-ref/block-storage/v3/#force-delete-a-volume.
 */
function volumeUndeletableError(id: string): FactoryError {
  const message = `volume ${id} cannot be deleted: Cinder has failed to delete it (status error_deleting)`;
  return new FactoryError('VolumeFailed', message, {
    hint: 'ask the cloud’s administrators to delete it: only they can force the deletion',
  });
}

function buildVolumePath(id: string): string {
  return `/volumes/${encodeURIComponent(id)}`;
}

/**
 * Client of Cinder (https://docs.openstack.org/api-ref/block-storage/v3/). The paths contain the project id: new
 * releases do not need it, but all releases accept it.
 */
export class Cinder implements Volumes {
  private readonly service: ServiceClient;

  constructor(session: Session) {
    this.service = new ServiceClient(session, 'block-storage', 'Cinder', 'v3/{project_id}');
  }

  async isAvailable({ signal }: CallOptions = {}): Promise<boolean> {
    return this.service.isAvailable(signal);
  }

  async listVolumes(
    { name, metadata = {} }: { name?: string; metadata?: Record<string, string> } = {},
    { signal }: CallOptions = {},
  ): Promise<Volume[]> {
    const wanted = Object.entries(metadata);
    const query = { name, metadata: wanted.length === 0 ? undefined : JSON.stringify(metadata) };
    const volumes = await this.service.list(
      { path: '/volumes/detail', query, headers: HEADERS, signal },
      volumePage,
      (page) => ({ items: page.volumes, next: page.volumes_links?.find((link) => link.rel === 'next')?.href }),
    );
    // If the operator has disabled a filter, Cinder ignores it and lists all volumes, so we filter the list again.
    return volumes.filter(
      (volume) =>
        (name === undefined || volume.name === name) && wanted.every(([key, value]) => volume.metadata[key] === value),
    );
  }

  async getVolume(id: string, { signal }: CallOptions = {}): Promise<Volume | undefined> {
    const call: ServiceCall = { method: 'GET', path: buildVolumePath(id), headers: HEADERS, signal };
    return (await this.service.find(call, volumeSchema))?.volume;
  }

  async listMessages(id: string, { signal }: CallOptions = {}): Promise<string[]> {
    const call: ServiceCall = {
      method: 'GET',
      path: '/messages',
      query: { resource_uuid: id },
      headers: MESSAGES,
      signal,
    };
    try {
      const { messages } = await this.service.requestJson(call, messagesSchema);
      return messages.filter(({ resource_uuid }) => resource_uuid === id).map(({ user_message }) => user_message);
    } catch (error) {
      // We ignore errors that a retry cannot correct: the messages only add a reason to a failure that is reported in
      // any case.
      if (error instanceof FactoryError && !error.retryable) return [];
      throw error;
    }
  }

  async createVolume(request: CreateVolume, { signal }: CallOptions = {}): Promise<Volume> {
    const json = { volume: request };
    const call: ServiceCall = { method: 'POST', path: '/volumes', json, headers: HEADERS, signal };
    return (await this.service.requestJson(call, volumeSchema)).volume;
  }

  async deleteVolume(id: string, options: CallOptions = {}): Promise<void> {
    try {
      await this.service.remove(buildVolumePath(id), options.signal, HEADERS);
    } catch (error) {
      if (!(error instanceof FactoryError && error.type === 'Conflict')) throw error;
      // Cinder answers Conflict for a volume that it is already deleting, and for one that it has failed to delete.
      const status = (await this.getVolume(id, options))?.status ?? 'deleting';
      if (status === 'error_deleting') throw volumeUndeletableError(id);
      if (status !== 'deleting') throw error;
    }
  }

  async setMetadata(id: string, metadata: Record<string, string>, { signal }: CallOptions = {}): Promise<void> {
    const path = `${buildVolumePath(id)}/metadata`;
    await this.service.send({ method: 'POST', path, json: { metadata }, headers: HEADERS, signal });
  }

  async setImageMetadata(id: string, metadata: Record<string, string>, { signal }: CallOptions = {}): Promise<void> {
    await this.service.send(this.buildAction(id, { 'os-set_image_metadata': { metadata } }, signal));
  }

  async uploadToImage(
    id: string,
    request: { image_name: string; disk_format: string; container_format: string },
    { signal }: CallOptions = {},
  ): Promise<string> {
    const call = this.buildAction(id, { 'os-volume_upload_image': { ...request, visibility: 'private' } }, signal);
    return (await this.service.requestJson(call, uploadSchema))['os-volume_upload_image'].image_id;
  }

  private buildAction(id: string, json: Record<string, unknown>, signal: AbortSignal | undefined): ServiceCall {
    return { method: 'POST', path: `${buildVolumePath(id)}/action`, json, headers: HEADERS, signal };
  }
}
