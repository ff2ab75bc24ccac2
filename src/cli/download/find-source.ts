import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { getHashes } from 'node:crypto';
import { join } from 'node:path';
import type { ImageRecord } from '../../client/index.js';
import { FactoryError } from '../../domain/errors.js';
import { readBestDigest, readOutputs, type Digest, type ImageOutput } from '../../domain/lineage.js';
import { connectClouds } from '../../openstack/index.js';
import type { Cloud, Clouds } from '../../openstack/types.js';
import type { ImageSource } from './save-image.js';

/** Where this machine may find the bytes of an image. */
export interface SourceOptions {
  env: NodeJS.ProcessEnv;
  /** The storage directory, where this machine has it. */
  storagePath: string;
  /** The cloud of the user's `clouds.yaml` that the user has named. Undefined: the one that the build used. */
  cloud: string | undefined;
  /** The cloud to take when the user's configuration has none with the name that the build used. */
  otherCloud: string;
  /** Names of the machines whose workers have the storage directory, for messages. */
  listHosts: () => Promise<string[]>;
}

/** A source, and how to close its connections. */
export interface OpenSource {
  source: ImageSource;
  /** `store`: the file in the storage directory. `glance`: the image in the cloud. */
  from: 'store' | 'glance';
  output: ImageOutput;
  close: () => Promise<void>;
}

/**
 * Finds the bytes of an image: in the storage directory, where this machine has it, else in Glance, with the user's own
 * credentials. Bytes never pass through Temporal.
 *
 * @throws FactoryError Conflict when the image is not complete; NotFound when this machine cannot reach its bytes;
 *   UnknownCloud and others when the user's configuration does not lead to the cloud
 */
export async function findSource(record: ImageRecord, options: SourceOptions): Promise<OpenSource> {
  const { identifier: uuid, status, data, glance_id: glanceId } = record;
  const [output] = readOutputs(record);
  if (status !== 'COMPLETE' || output === undefined) {
    throw new FactoryError('Conflict', `image ${uuid} is ${status ?? 'unknown'}, not COMPLETE`, {
      hint: `imagefactory watch ${uuid} follows its build`,
    });
  }
  const file = await findStoreFile(record, output, options.storagePath);
  if (file !== undefined) return { source: file, from: 'store', output, close: async () => undefined };
  if (typeof glanceId === 'string' && glanceId !== '') return openGlance(record, glanceId, output, options);
  const hosts = await options.listHosts();
  throw new FactoryError(
    'NotFound',
    `this machine does not have the storage directory with the file of image ${uuid}: ${data ?? `${uuid}.body`}`,
    {
      hint:
        `the file lies with the workers${hosts.length === 0 ? '' : ` (${hosts.join(', ')})`}: ` +
        'copy it from there, or give the command there; --storage-path DIR names a copy of the directory on this machine',
    },
  );
}

async function findStoreFile(
  { identifier: uuid, data, downloaded }: ImageRecord,
  output: ImageOutput,
  storagePath: string,
): Promise<ImageSource | undefined> {
  if (downloaded !== true) return undefined;
  for (const path of [data, join(storagePath, `${uuid}.body`)]) {
    if (path === undefined) continue;
    const found = await stat(path).catch(() => undefined);
    // Another machine may have another file at this path.
    if (found?.isFile() !== true || (output.size !== null && found.size !== output.size)) continue;
    return {
      name: path,
      size: found.size,
      digest: readKnownDigest(output),
      read: async (offset, signal) => ({
        data: createReadStream(path, { start: offset, signal, highWaterMark: 2 ** 20 }),
        offset,
      }),
    };
  }
  return undefined;
}

async function openGlance(
  record: ImageRecord,
  glanceId: string,
  output: ImageOutput,
  options: SourceOptions,
): Promise<OpenSource> {
  const clouds = connectClouds({ env: options.env });
  try {
    const cloud = clouds.get(chooseCloud(clouds, record, options));
    const source = await findGlanceImage(cloud, glanceId, output);
    return { source, from: 'glance', output, close: () => clouds.close() };
  } catch (error) {
    await clouds.close();
    throw error;
  }
}

function chooseCloud(clouds: Clouds, { cloud = '' }: ImageRecord, options: SourceOptions): string {
  if (options.cloud !== undefined) return options.cloud;
  return clouds.names().includes(cloud) ? cloud : options.otherCloud;
}

async function findGlanceImage(cloud: Cloud, id: string, output: ImageOutput): Promise<ImageSource> {
  const image = await cloud.image.getImage(id);
  if (image?.status !== 'active') {
    const state = image === undefined ? 'has no image' : `has, but only as ${image.status}, image`;
    throw new FactoryError('NotFound', `cloud ${cloud.name} ${state} ${id}`, {
      hint: '--cloud NAME takes another cloud of your clouds.yaml; the user must see the project of the image',
    });
  }
  const { os_hash_algo: algorithm, os_hash_value: value } = image;
  const hash = algorithm && value && getHashes().includes(algorithm) ? { algorithm, value } : undefined;
  return {
    name: `image ${id} of cloud ${cloud.name}`,
    size: output.size ?? image.size,
    digest: readKnownDigest(output) ?? hash,
    read: (offset, signal) => cloud.image.readImage(id, offset, { signal }),
  };
}

/** Returns the best digest of an output that this program can compute. */
function readKnownDigest({ digests }: ImageOutput): Digest | undefined {
  const known = Object.entries(digests).filter(([algorithm]) => getHashes().includes(algorithm));
  return readBestDigest({ digests: Object.fromEntries(known) });
}
