import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import type * as S3Package from '@aws-sdk/client-s3';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { loadPackage } from '../load-package.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, ProviderSettings } from '../types.js';
import type { FilesConfiguration } from './configuration.js';
import { requireInside } from './place-name.js';
import { type S3Call, toS3Error } from './s3-errors.js';

/** Milliseconds until a connection must be there. */
const CONNECT = 10_000;
/** Milliseconds in which a connection may be silent. */
const SILENCE = 120_000;
/** The same while S3 makes an object of its parts: some services copy all bytes, and say nothing meanwhile. */
const SILENCE_OF_COMPLETION = 900_000;

/** What fails becomes an error: the SDK must not write it to the worker's output besides. */
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** The credentials that a user gives with a push, with the names that imagefactory’s EC2 credentials have. */
const credentialsSchema = z.object({
  access_key: z.string().min(1),
  secret_access_key: z.string().min(1),
  session_token: z.string().min(1).optional(),
});

/** A call of a bucket, as messages name it. */
type CallOfBucket = Pick<S3Call, 'name' | 'permission'> & { key?: string };

/** A bucket, and the prefix of our keys in it. */
export class Bucket {
  constructor(
    readonly client: S3Client,
    /** The client for calls that complete an upload: it waits longer. */
    readonly completing: S3Client,
    /** The commands of the SDK. */
    readonly sdk: typeof S3Package,
    readonly name: string,
    private readonly prefix: string,
    readonly endpoint: string,
    readonly region: string,
  ) {}

  close(): void {
    this.client.destroy();
    this.completing.destroy();
  }

  /** Returns the key of a name. */
  key(name: string): string {
    return `${this.prefix}${requireInside(name)}`;
  }

  /**
   * Sends a call, and tries again when the failure is one that passes. `send` must be safe to run twice: the SDK itself
   * does not send a call again, because it could create a second upload.
   *
   * @param handle returns the result for an error that is none; throws it again otherwise
   */
  async call<T>(
    operation: Pick<Operation, 'signal' | 'sleep'>,
    call: CallOfBucket,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
    handle: (error: unknown) => T = rethrow,
  ): Promise<T> {
    return retryPart(operation, () => this.callOnce(operation, call, send, handle));
  }

  /** Sends a call once, for callers that try again themselves. */
  async callOnce<T>(
    operation: Pick<Operation, 'signal'>,
    { name, permission, key }: CallOfBucket,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>,
    handle: (error: unknown) => T = rethrow,
  ): Promise<T> {
    const target = key === undefined ? `bucket ${this.name}` : `s3://${this.name}/${key}`;
    try {
      return await send({ abortSignal: operation.signal }).catch(handle);
    } catch (error) {
      operation.signal.throwIfAborted();
      throw toS3Error({ name, permission, target, endpoint: this.endpoint }, error);
    }
  }
}

function ignore(): void {
  // Nothing to do.
}

function rethrow(error: unknown): never {
  throw error;
}

/** Connects to a bucket. Sends nothing yet. */
export async function openBucket(settings: ProviderSettings<FilesConfiguration>): Promise<Bucket> {
  const { configuration, env } = settings;
  const sdk = await loadPackage('@aws-sdk/client-s3', () => import('@aws-sdk/client-s3'));
  const [, name = '', path = ''] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(configuration.url) ?? [];
  const region = configuration.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  const endpoint = configuration.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  const ca = configuration.ca === undefined ? undefined : await readCa(configuration.ca);
  const credentials = readCredentials(settings);
  const clientOf = (socketTimeout: number): S3Client =>
    new sdk.S3Client({
      // A service with an address of its own often has no regions. Its signature needs one all the same.
      region: region ?? (endpoint === undefined ? undefined : 'us-east-1'),
      endpoint,
      forcePathStyle: configuration.path_style ?? endpoint !== undefined,
      profile: configuration.profile,
      credentials,
      maxAttempts: 1,
      // Our own checksums go with each part. Those that the SDK adds are refused by services that are not Amazon's.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT,
        // The SDK's `requestTimeout` only warns, and would count the time in which a part is sent.
        socketTimeout,
        httpsAgent: new Agent({ keepAlive: true, maxSockets: 50, ca }),
      },
      customUserAgent: 'imagefactory-nova',
      logger: SILENT,
    } satisfies S3ClientConfig);
  const client = clientOf(SILENCE);
  const found = await client.config.region().catch(() => {
    throw new FactoryError('InvalidParameter', `the region of ${configuration.url} is not known`, {
      hint: 'set `region` of the provider, or AWS_REGION of the worker',
    });
  });
  const address = endpoint ?? `https://s3.${found}.amazonaws.com`;
  return new Bucket(client, clientOf(SILENCE_OF_COMPLETION), sdk, name, path === '' ? '' : `${path}/`, address, found);
}

function readCredentials({
  credentials,
  configuration,
  env,
}: ProviderSettings<FilesConfiguration>): S3ClientConfig['credentials'] {
  if (credentials !== undefined) {
    const parsed = credentialsSchema.safeParse(credentials);
    if (!parsed.success) {
      throw new FactoryError('InvalidParameter', 'the credentials are not those of S3', {
        hint: 'they need access_key and secret_access_key, and session_token where the key is temporary',
      });
    }
    const { access_key, secret_access_key, session_token } = parsed.data;
    return { accessKeyId: access_key, secretAccessKey: secret_access_key, sessionToken: session_token };
  }
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  if (configuration.profile !== undefined || accessKeyId === undefined || secretAccessKey === undefined)
    return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: env['AWS_SESSION_TOKEN'] };
}

/** Reads a PEM file of certificate authorities. */
export async function readCa(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new FactoryError('InvalidParameter', `cannot read \`ca\` of the provider: ${String(error)}`, {
      cause: error,
    });
  });
}
