import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { HttpClient } from '../../http/http.js';
import type { ProviderKind, ProviderSettings } from '../types.js';
import { type FilesConfiguration, filesSchema, placeKindOf } from './configuration.js';
import { FilesProvider } from './files-provider.js';
import { FolderPlace } from './folder-place.js';
import type { Place } from './place.js';
import { type Bucket, openBucket, readCa } from './s3-bucket.js';
import { S3Place } from './s3-place.js';
import { WebPlace } from './web-place.js';

type Settings = ProviderSettings<FilesConfiguration>;

/** The credentials that a user gives with a push to a web server. */
const credentialsSchema = z.union([
  z.object({ username: z.string().min(1), password: z.string() }),
  z.object({ token: z.string().min(1) }),
]);

/** A folder, a bucket or a web server, with an index of what is there and a catalogue for Vagrant. */
export const files: ProviderKind<FilesConfiguration> = {
  name: 'files',
  schema: filesSchema,
  connect: async (settings) => new FilesProvider(await openPlace(settings)),
};

async function openPlace(settings: Settings): Promise<Place> {
  const { configuration } = settings;
  const url = trimSlash(configuration.url);
  const publicUrl = configuration.public_url === undefined ? undefined : trimSlash(configuration.public_url);
  switch (placeKindOf(configuration.url)) {
    case 'folder':
      return new FolderPlace(url, publicUrl ?? url);
    case 'bucket': {
      const bucket = await openBucket(settings);
      return new S3Place(url, publicUrl ?? webAddressOf(bucket, configuration), bucket);
    }
    default:
      return openWebPlace(settings, url, publicUrl ?? url);
  }
}

async function openWebPlace(settings: Settings, url: string, publicUrl: string): Promise<Place> {
  const { configuration } = settings;
  const authorization = await readAuthorization(settings);
  const ca = configuration.ca === undefined ? undefined : await readCa(configuration.ca);
  return new WebPlace(url, publicUrl, new HttpClient('', { ca }), authorization, configuration.verify ?? 'size');
}

async function readAuthorization({ configuration, credentials }: Settings): Promise<string | undefined> {
  const { user, password_file, token_file } = configuration;
  if (credentials !== undefined) {
    const parsed = credentialsSchema.safeParse(credentials);
    if (!parsed.success) {
      throw new FactoryError('InvalidParameter', 'the credentials are not those of a web server', {
        hint: 'they need username and password, or token',
      });
    }
    const { data } = parsed;
    return 'token' in data ? `Bearer ${data.token}` : basic(data.username, data.password);
  }
  if (token_file !== undefined) return `Bearer ${await readSecret(token_file)}`;
  if (user === undefined || password_file === undefined) return undefined;
  return basic(user, await readSecret(password_file));
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

async function readSecret(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new FactoryError('InvalidParameter', `cannot read the secret of the provider: ${String(error)}`, {
      cause: error,
      hint: 'check `password_file` or `token_file` of the provider',
    });
  });
  return text.trimEnd();
}

/** The address at which others read the objects of a bucket. */
function webAddressOf({ endpoint, name, client }: Bucket, configuration: FilesConfiguration): string {
  const address = new URL(endpoint);
  const isInPath = client.config.forcePathStyle;
  const host = isInPath === true ? address.host : `${name}.${address.host}`;
  const path = configuration.url.replace(/^s3:\/\/[^/]+/, '').replace(/\/+$/, '');
  return `${address.protocol}//${host}${isInPath === true ? `/${name}` : ''}${path}`;
}

function trimSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
