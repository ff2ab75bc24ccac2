import { withDeadline } from './deadline.js';
import { toMediaError, mediaUnavailableError } from './failures.js';
import { openMedium } from './open.js';
import type { MediumStream, OpenOptions, Timeouts } from './source.js';

export interface FetchOptions extends Pick<OpenOptions, 'signal' | 'directories'> {
  /** Default 16 MiB. */
  maxBytes?: number;
  timeouts?: Timeouts & {
    /** Seconds for the whole of it. Default 120. */
    total?: number;
  };
}

/** A small thing, and where it was. */
export interface FetchedContent {
  bytes: Buffer;
  /** The address that answered, after redirects. */
  finalUrl: string;
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const DEFAULT_TOTAL = 120;

/**
 * Fetches a small thing from an http, https, ftp or file address.
 *
 * @throws FactoryError MediaUnavailable: classed as by `fetchToFile`; not retryable when it is larger than `maxBytes`
 */
export async function fetchContent(url: string, options: FetchOptions = {}): Promise<FetchedContent> {
  const { maxBytes = DEFAULT_MAX_BYTES, timeouts, directories } = options;
  const seconds = timeouts?.total ?? DEFAULT_TOTAL;
  return withDeadline({ url, seconds, signal: options.signal }, async (signal) => {
    try {
      const opened = await openMedium(url, { signal, timeouts, directories });
      const bytes = await readBytes(url, opened, maxBytes).finally(() => opened.close());
      return { bytes, finalUrl: opened.finalUrl };
    } catch (error) {
      signal.throwIfAborted();
      throw toMediaError(url, error);
    }
  });
}

/** The bytes alone. */
export async function fetchBytes(url: string, options: FetchOptions = {}): Promise<Buffer> {
  return (await fetchContent(url, options)).bytes;
}

/** The same as text in UTF-8; a byte order mark is dropped. @throws also when it is not UTF-8. */
export async function fetchText(url: string, options: FetchOptions = {}): Promise<string> {
  return decodeText(url, await fetchBytes(url, options));
}

/** @throws FactoryError MediaUnavailable when it is not UTF-8 */
export function decodeText(url: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw mediaUnavailableError(url, 'it is not text in UTF-8');
  }
}

async function readBytes(url: string, opened: MediumStream, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const tooLarge = (): Error => mediaUnavailableError(url, `it is larger than ${maxBytes} bytes`);
  if ((opened.size ?? 0) > maxBytes) throw tooLarge();
  for await (const chunk of opened.body) {
    size += chunk.length;
    // Leaving the loop ends the transfer.
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  if (opened.size !== undefined && size !== opened.size)
    throw mediaUnavailableError(url, `the transfer ended early, after ${size} of ${opened.size} bytes`, {
      retryable: true,
    });
  return Buffer.concat(chunks);
}
