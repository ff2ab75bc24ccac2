import { readFile } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import { HttpClient } from '../../http/http.js';
import type { Provider, ProviderKind, ProviderSettings } from '../types.js';
import { checkGce, checkImage } from './check.js';
import { Images } from './compute.js';
import { gceConfiguration, type GceConfiguration } from './configuration.js';
import { prepareSignIn } from './credentials.js';
import { GoogleClient } from './google-client.js';
import { findReady, registerImage } from './register.js';
import { listStaging, removeRegistered, removeStaging } from './remove.js';
import { shareImage } from './share.js';
import { Bucket } from './storage.js';
import { PART_SIZE, uploadArchive } from './upload.js';

/** Google Compute Engine: an archive in a bucket of Cloud Storage, imported as an image. */
export const gce: ProviderKind<GceConfiguration> = {
  name: 'gce',
  schema: gceConfiguration,
  connect: (settings) => connectGce(settings),
};

/** @param partSize bytes of a part of an upload, a multiple of 256 KiB; tests have small files */
export async function connectGce(
  settings: ProviderSettings<GceConfiguration>,
  partSize: number = PART_SIZE,
): Promise<Provider> {
  const { configuration } = settings;
  const { project, storage_location: storageLocation } = configuration;
  const getAuthHeaders = await prepareSignIn(settings);
  const http = new HttpClient('', await readTls(settings));
  const client = (product: string): GoogleClient => new GoogleClient(product, http, getAuthHeaders);
  const bucket = new Bucket(
    client('Cloud Storage'),
    http,
    trimUrl(configuration.storage_endpoint),
    configuration.bucket,
  );
  const images = new Images(client('Compute Engine'), trimUrl(configuration.compute_endpoint), project);
  const resourceManager = {
    client: client('Resource Manager'),
    endpoint: trimUrl(configuration.resource_manager_endpoint),
  };
  return {
    account: project,
    region: storageLocation,
    location: `project ${project}, bucket ${configuration.bucket}`,
    check: (operation, image) => checkGce(images, bucket, resourceManager, operation, image),
    find: (operation, image) => findReady(images, image, operation.signal),
    upload: async (operation, image) => {
      checkImage(image);
      return uploadArchive(bucket, operation, image, partSize);
    },
    register: (operation, image, uploaded) => registerImage(images, operation, image, uploaded, storageLocation),
    share: (operation, registered, accounts) => shareImage(images, operation, registered, accounts),
    removeStaging: (operation, uuid, { everything = false } = {}) =>
      removeStaging(images, bucket, operation, uuid, everything),
    delete: (operation, registered) => removeRegistered(images, operation, registered),
    listStaging: (operation) => listStaging(images, bucket, operation),
    close: () => http.close(),
  };
}

async function readTls({ name, configuration: { ca } }: ProviderSettings<GceConfiguration>): Promise<{ ca?: string }> {
  if (ca === undefined) return {};
  const content = await readFile(ca, 'utf8').catch((error: unknown) => {
    throw new FactoryError('InvalidParameter', `provider ${name}: ca ${ca} cannot be read`, { cause: error });
  });
  return { ca: content };
}

function trimUrl(url: string): string {
  return url.replace(/\/+$/, '');
}
