import { withDeadline } from './deadline.js';
import { toMediaError, mediaUnavailableError } from './failures.js';
import { openMedium } from './open.js';
import type { MediumStream, OpenOptions, Timeouts } from './source.js';

export interface FetchOptions extends Pick<OpenOptions, 'signal' | 'access'> {
  /** Maximum size of the file, in bytes. Default 16 MiB. */
  maxBytes?: number;
  timeouts?: Timeouts & {
    /** Seconds for the whole transfer. Default 120. */
    total?: number;
  };
}

/** A small file, and the URL that it came from. */
export interface FetchedContent {
  bytes: Buffer;
  /** The URL that answered, after redirects. */
  finalUrl: string;
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const DEFAULT_TOTAL = 120;

/**
 * Fetches a small file from an http, https, ftp or file URL into memory.
 *
 * @throws FactoryError MediaUnavailable as `fetchToFile`; not retryable when the file is larger than `maxBytes`
 */
export async function fetchContent(url: string, options: FetchOptions = {}): Promise<FetchedContent> {
  const { maxBytes = DEFAULT_MAX_BYTES, timeouts, access } = options;
  const seconds = timeouts?.total ?? DEFAULT_TOTAL;
  return withDeadline({ url, seconds, signal: options.signal }, async (signal) => {
    try {
      const opened = await openMedium(url, { signal, timeouts, access });
      const bytes = await readBytes(url, opened, maxBytes).finally(() => opened.close());
      return { bytes, finalUrl: opened.finalUrl };
    } catch (error) {
      signal.throwIfAborted();
      throw toMediaError(url, error);
    }
  });
}

/** Like `fetchContent`, but returns only the bytes. */
export async function fetchBytes(url: string, options: FetchOptions = {}): Promise<Buffer> {
  return (await fetchContent(url, options)).bytes;
}

/** Like `fetchBytes`, but decodes UTF-8 and drops a byte order mark. @throws also when the content is not UTF-8 */
export async function fetchText(url: string, options: FetchOptions = {}): Promise<string> {
  return decodeText(url, await fetchBytes(url, options));
}

/** Decodes UTF-8, and drops a byte order mark. @throws FactoryError MediaUnavailable when the bytes are not UTF-8 */
export function decodeText(url: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw mediaUnavailableError(url, 'the file is not text in UTF-8');
  }
}

async function readBytes(url: string, opened: MediumStream, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const tooLarge = (): Error => mediaUnavailableError(url, `the file is larger than ${maxBytes} bytes`);
  if ((opened.size ?? 0) > maxBytes) throw tooLarge();
  for await (const chunk of opened.body) {
    size += chunk.length;
    // An exception in the loop ends the transfer.
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  if (opened.size !== undefined && size !== opened.size)
    throw mediaUnavailableError(url, `the transfer ended early, after ${size} of ${opened.size} bytes`, {
      retryable: true,
    });
  return Buffer.concat(chunks);
}
