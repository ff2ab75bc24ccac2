import { createHash } from 'node:crypto';
import type { ContainerClient, PageBlobClient } from '@azure/storage-blob';
import type { FactoryError } from '../../domain/errors.js';
import { CallTimeout } from '../../http/call-timeout.js';
import { loadPackage } from '../load-package.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation } from '../types.js';
import { type AzureConfiguration, blobEndpoint } from './configuration.js';
import type { Credential } from './credentials.js';
import { storageCode, storageError } from './storage-errors.js';

/** Milliseconds of one call that moves no bytes of the image. */
const CALL_TIME = 120_000;
/** Milliseconds in which 4 MiB must be sent: other parts share the line. */
const PART_TIME = 600_000;

/** A blob, as far as a push needs to know it. */
export interface StoredBlob {
  name: string;
  /** bytes */
  size: number;
  /** When Azure has made it. Undefined when it does not tell. */
  createdAt: Date | undefined;
  isPageBlob: boolean;
  metadata: Readonly<Record<string, string>>;
}

/** A range of bytes that were written. */
export interface WrittenRange {
  start: number;
  /** The offset after the last byte. */
  end: number;
}

/** The container in which a VHD is until an image is made from it. Every method may be called twice. */
export class BlobStore {
  private constructor(
    private readonly configuration: AzureConfiguration,
    private readonly container: ContainerClient,
    /** Whether a key of the account signs the calls, and not the credential. */
    readonly hasKey: boolean,
  ) {}

  /**
   * @param credential signs the calls where there is no key
   * @param files what the configuration names: a key of the account, and certificate authorities in PEM
   */
  static async connect(
    configuration: AzureConfiguration,
    credential: Credential,
    { key, ca }: { key: string | undefined; ca: string | undefined },
  ): Promise<BlobStore> {
    const { BlobServiceClient, StorageSharedKeyCredential } = await loadPackage(
      '@azure/storage-blob',
      () => import('@azure/storage-blob'),
    );
    const { account, container } = configuration.storage;
    const options = {
      // We repeat calls ourselves: the SDK would hide how often, and would not stop when the operation must stop.
      retryOptions: { maxTries: 1 },
      userAgentOptions: { userAgentPrefix: 'imagefactory-nova' },
      ...(ca === undefined ? {} : { tlsOptions: { ca } }),
    };
    const signer = key === undefined ? credential : new StorageSharedKeyCredential(account, key);
    const service = new BlobServiceClient(blobEndpoint(configuration), signer, options);
    return new BlobStore(configuration, service.getContainerClient(container), key !== undefined);
  }

  /** Whether the container is there. */
  async hasContainer(operation: Operation): Promise<boolean> {
    return this.call(operation, async (abortSignal) => {
      try {
        await this.container.getProperties({ abortSignal });
        return true;
      } catch (error) {
        if (storageCode(error) === 'ContainerNotFound' || isNotFound(error)) return false;
        throw error;
      }
    });
  }

  /** Address of a blob, without secrets. */
  urlOf(name: string): string {
    return this.page(name).url;
  }

  /** Makes an empty page blob, in which all bytes are zero. Does nothing when a blob of this name is there. */
  async create(operation: Operation, name: string, size: number, metadata: Record<string, string>): Promise<void> {
    await this.call(operation, async (abortSignal) => {
      try {
        await this.page(name).create(size, { abortSignal, metadata, conditions: { ifNoneMatch: '*' } });
      } catch (error) {
        if (!['BlobAlreadyExists', 'ConditionNotMet'].includes(storageCode(error) ?? '')) throw error;
      }
    });
  }

  /** Reads what is known of a blob. Undefined when there is none. */
  async find(operation: Operation, name: string): Promise<StoredBlob | undefined> {
    return this.call(operation, async (abortSignal) => {
      try {
        const { contentLength, createdOn, blobType, metadata } = await this.page(name).getProperties({ abortSignal });
        return {
          name,
          size: contentLength ?? 0,
          createdAt: createdOn,
          isPageBlob: blobType === 'PageBlob',
          metadata: metadata ?? {},
        };
      } catch (error) {
        if (storageCode(error) !== 'ContainerNotFound' && isNotFound(error)) return undefined;
        throw error;
      }
    });
  }

  /** Lists the ranges that were written, in ascending order. */
  async listWritten(operation: Operation, name: string): Promise<WrittenRange[]> {
    return this.call(operation, async (abortSignal) => {
      const ranges: WrittenRange[] = [];
      for await (const { start, end, isClear } of this.page(name).listPageRanges(0, undefined, { abortSignal })) {
        // The SDK's `end` is the last byte, as in the answer.
        if (!isClear) ranges.push({ start, end: end + 1 });
      }
      return ranges.sort((a, b) => a.start - b.start);
    });
  }

  /** Writes up to 4 MiB. Azure compares their MD5 before it keeps them. */
  async write(operation: Operation, name: string, offset: number, data: Buffer): Promise<void> {
    const transactionalContentMD5 = createHash('md5').update(data).digest();
    const write = async (abortSignal: AbortSignal): Promise<void> => {
      await this.page(name).uploadPages(data, offset, data.length, { abortSignal, transactionalContentMD5 });
    };
    await this.call(operation, write, PART_TIME);
  }

  /** Replaces the metadata of a blob. */
  async setMetadata(operation: Operation, name: string, metadata: Record<string, string>): Promise<void> {
    await this.call(operation, async (abortSignal) => {
      await this.page(name).setMetadata(metadata, { abortSignal });
    });
  }

  /** Deletes a blob with its snapshots. @returns whether there was one */
  async delete(operation: Operation, name: string): Promise<boolean> {
    return this.call(operation, async (abortSignal) => {
      const { succeeded } = await this.page(name).deleteIfExists({ abortSignal, deleteSnapshots: 'include' });
      return succeeded;
    });
  }

  /** Lists the blobs whose names begin with the prefix. */
  async list(operation: Operation, prefix: string): Promise<StoredBlob[]> {
    return this.call(operation, async (abortSignal) => {
      const blobs: StoredBlob[] = [];
      for await (const { name, properties, metadata } of this.container.listBlobsFlat({
        prefix,
        includeMetadata: true,
        abortSignal,
      })) {
        blobs.push({
          name,
          size: properties.contentLength ?? 0,
          createdAt: properties.createdOn,
          isPageBlob: properties.blobType === 'PageBlob',
          metadata: metadata ?? {},
        });
      }
      return blobs;
    });
  }

  private page(name: string): PageBlobClient {
    return this.container.getPageBlobClient(name);
  }

  /** Makes a call, again when it failed for a reason that passes. */
  private async call<T>(
    operation: Operation,
    send: (abortSignal: AbortSignal) => Promise<T>,
    milliseconds = CALL_TIME,
  ): Promise<T> {
    return retryPart(operation, async () => {
      operation.signal.throwIfAborted();
      const clock = new CallTimeout(operation.signal, milliseconds);
      try {
        return await send(clock.signal);
      } catch (error) {
        operation.signal.throwIfAborted();
        const reason: unknown = clock.signal.aborted ? clock.signal.reason : error;
        throw this.explain(reason);
      } finally {
        clock.stop();
      }
    });
  }

  private explain(error: unknown): FactoryError {
    return storageError(this.configuration.storage.account, blobEndpoint(this.configuration), error);
  }
}

function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'statusCode' in error && error.statusCode === 404;
}
