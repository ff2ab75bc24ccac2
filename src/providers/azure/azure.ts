import { readFile } from 'node:fs/promises';
import type { Finding, RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { FactoryError } from '../../domain/errors.js';
import { isMarked, isMarkedAs, PROVIDER_KEYS } from '../../domain/provider-marks.js';
import { TOOL } from '../../domain/names.js';
import type { Operation, Provider, ProviderKind, ProviderSettings, PushedImage, StagingObject } from '../types.js';
import { BlobStore, type StoredBlob } from './blob-store.js';
import { checkAzure } from './check.js';
import { type AzureConfiguration, azureSchema } from './configuration.js';
import { createCredential } from './credentials.js';
import { deleteResource, isUnfinished, makeResource, stateOf } from './lifecycle.js';
import { BLOB_PREFIX, blobPrefix } from './names.js';
import { ResourceManager } from './resource-manager.js';
import { shareResource } from './share.js';
import {
  buildBody,
  chooseResource,
  describeResource,
  listMade,
  prepareDefinition,
  targetId,
  wantedId,
} from './targets.js';
import { BLOB_KEYS, uploadBlob } from './upload.js';

/** What is said of an image that an earlier attempt has made. */
const FOUND = 'Azure tells no digest of an image; its tag imagefactory_source names the file';

/** Images in Microsoft Azure: a page blob, from which an image version or a managed image is made. */
class AzureProvider implements Provider {
  readonly account: string;
  readonly region: string;
  readonly location: string;

  constructor(
    private readonly configuration: AzureConfiguration,
    private readonly manager: ResourceManager,
    private readonly store: BlobStore,
  ) {
    const { subscription, region, gallery, resource_group: group } = configuration;
    this.account = subscription;
    this.region = region;
    this.location = `${gallery === undefined ? `resource group ${group}` : `gallery ${gallery.name}`} in ${region}`;
  }

  async check(operation: Operation, image?: PushedImage): Promise<Finding[]> {
    const { configuration, manager, store } = this;
    return checkAzure({ configuration, manager, store }, operation, image);
  }

  async find(operation: Operation, image: PushedImage): Promise<RegisteredImage | undefined> {
    const target = targetId(this.configuration, image);
    for (const { id, tags } of await listMade(this.manager, target, operation.signal)) {
      if (!isMarkedAs(tags, image)) continue;
      const { apiVersion, expand } = describeResource(id);
      const made = await this.manager.get(id, apiVersion, operation.signal, expand);
      if (made === undefined || stateOf(made) !== 'Succeeded') continue;
      const kept = (await this.listBlobs(operation, image.uuid)).filter(isKept);
      return this.toRegistered(
        id,
        kept.map(({ name }) => name),
        FOUND,
      );
    }
    return undefined;
  }

  async upload(operation: Operation, image: PushedImage): Promise<UploadedFile> {
    const target = targetId(this.configuration, image);
    const { blob, sent, verifiedBy } = await uploadBlob(operation, this.store, image, target);
    const ids = { blob: blob.name, image: wantedId(this.configuration, image, blob.createdAt) };
    return { ids, sent, verifiedBy };
  }

  async register(operation: Operation, image: PushedImage, uploaded: UploadedFile): Promise<RegisteredImage> {
    const { blob, image: wanted } = uploaded.ids;
    if (blob === undefined || wanted === undefined) {
      throw new FactoryError('Internal', 'the upload to Azure has not told its blob and its image');
    }
    await prepareDefinition(operation, this.manager, this.configuration, image);
    const body = buildBody(this.configuration, image, this.store.urlOf(blob), operation.creator);
    const choose = () => chooseResource(operation, this.manager, image, wanted);
    const { id } = await makeResource(operation, this.manager, image, choose, body);
    if (this.configuration.keep_blob) await this.keepBlob(operation, blob);
    return this.toRegistered(id, this.configuration.keep_blob ? [blob] : [], uploaded.verifiedBy);
  }

  async share(operation: Operation, { id: scope }: RegisteredImage, accounts: readonly string[]): Promise<void> {
    const { subscription } = this.configuration;
    await shareResource(operation, this.manager, { scope, subscription }, accounts);
  }

  async removeStaging(operation: Operation, uuid: string, { everything = false } = {}): Promise<string[]> {
    const removed: string[] = [];
    for (const blob of await this.listBlobs(operation, uuid)) {
      // A blob is kept when its image is finished.
      if (isKept(blob)) continue;
      // The blob goes last: by it we find the image that has failed.
      removed.push(...(await this.removeUnfinished(operation, blob, uuid, everything)));
      if (await this.store.delete(operation, blob.name)) removed.push(`blob ${blob.name}`);
    }
    return removed;
  }

  async delete(operation: Operation, registered: RegisteredImage): Promise<string[]> {
    const removed: string[] = [];
    const made = describeResource(registered.id);
    const resource = await this.manager.get(registered.id, made.apiVersion, operation.signal);
    if (resource !== undefined) {
      if (resource.tags[PROVIDER_KEYS.tool] !== TOOL) {
        throw new FactoryError('Conflict', `${made.title} does not carry our tags, and is not deleted`, {
          hint: 'delete it with Azure’s own tools',
        });
      }
      if (await deleteResource(operation, this.manager, made)) removed.push(made.title);
    }
    for (const { kind, id } of registered.resources) {
      if (kind !== 'blob') continue;
      const blob = await this.store.find(operation, id);
      if (blob?.metadata[PROVIDER_KEYS.tool] !== TOOL) continue;
      if (await this.store.delete(operation, id)) removed.push(`blob ${id}`);
    }
    return removed;
  }

  async listStaging(operation: Operation): Promise<StagingObject[]> {
    const blobs = await this.store.list(operation, BLOB_PREFIX);
    return blobs.flatMap((blob) => {
      const uuid = blob.metadata[PROVIDER_KEYS.image];
      if (uuid === undefined || !isMarked(blob.metadata, uuid) || isKept(blob)) return [];
      const { name: id, createdAt, size } = blob;
      return [{ uuid, kind: 'blob', id, createdAt: createdAt?.getTime(), size }];
    });
  }

  async close(): Promise<void> {
    await this.manager.close();
  }

  private async listBlobs(operation: Operation, uuid: string): Promise<StoredBlob[]> {
    const blobs = await this.store.list(operation, blobPrefix(uuid));
    return blobs.filter(({ metadata }) => isMarked(metadata, uuid));
  }

  /**
   * Removes what Azure was making, or could not make, from a blob. A finished image stays.
   *
   * @param everything also what is not copied to all regions, and what Azure finishes while we wait to delete it
   */
  private async removeUnfinished(
    operation: Operation,
    blob: StoredBlob,
    uuid: string,
    everything: boolean,
  ): Promise<string[]> {
    const encoded = blob.metadata[BLOB_KEYS.target];
    if (encoded === undefined) return [];
    const target = decodeURIComponent(encoded);
    const removed: string[] = [];
    for (const listed of await listMade(this.manager, target, operation.signal)) {
      if (!isMarked(listed.tags, uuid)) continue;
      const made = describeResource(listed.id);
      // Only the resource itself tells whether it was copied to all regions.
      const resource = await this.manager.get(made.id, made.apiVersion, operation.signal, made.expand);
      if (resource === undefined || !isMarked(resource.tags, uuid)) continue;
      const isFinished = stateOf(listed) === 'Succeeded' && stateOf(resource) === 'Succeeded';
      if (everything ? isFinished : !isUnfinished(resource)) continue;
      const mayDelete = everything ? undefined : isUnfinished;
      if (await deleteResource(operation, this.manager, made, mayDelete)) removed.push(made.title);
    }
    return removed;
  }

  private async keepBlob(operation: Operation, name: string): Promise<void> {
    const blob = await this.store.find(operation, name);
    if (blob === undefined || isKept(blob)) return;
    await this.store.setMetadata(operation, name, { ...blob.metadata, [BLOB_KEYS.kept]: 'true' });
  }

  private toRegistered(id: string, blobs: readonly string[], verifiedBy: string): RegisteredImage {
    const { endpoints, subscription, region } = this.configuration;
    return {
      id,
      location: `${endpoints.management}${id}`,
      account: subscription,
      region,
      resources: blobs.map((name) => ({ kind: 'blob', id: name })),
      verifiedBy,
    };
  }
}

function isKept({ metadata }: StoredBlob): boolean {
  return metadata[BLOB_KEYS.kept] === 'true';
}

async function connect(settings: ProviderSettings<AzureConfiguration>): Promise<Provider> {
  const { configuration, credentials } = settings;
  const { storage, endpoints } = configuration;
  const ca = await readNamed('ca', configuration.ca);
  // The key is the worker's: who gives credentials of their own pushes with these alone.
  const key = await readNamed('storage.key_file', credentials === undefined ? storage.key_file : undefined);
  const credential = await createCredential(settings, ca);
  const store = await BlobStore.connect(configuration, credential, { key: key?.trim(), ca });
  return new AzureProvider(configuration, new ResourceManager(endpoints.management, credential, ca), store);
}

/** Reads a file that the configuration names. */
async function readNamed(name: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FactoryError('InvalidParameter', `${name} of the provider cannot be read: ${reason}`, { cause: error });
  }
}

/** Microsoft Azure. */
export const azure: ProviderKind<AzureConfiguration> = { name: 'azure', schema: azureSchema, connect };
