import { failureOf, unavailable } from './failures.js';
import { discard, get, type Timeouts } from './http.js';

export interface FetchOptions {
  signal?: AbortSignal;
  /** Default 16 MiB. */
  maxBytes?: number;
  timeouts?: Timeouts & {
    /** Seconds for the whole of it. Default 120. */
    total?: number;
  };
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const DEFAULT_TOTAL = 120;

/**
 * Fetches a small thing from an http or https address.
 *
 * @throws FactoryError MediaUnavailable: classed as by `fetchToFile`; not retryable when it is larger than `maxBytes`
 */
export async function fetchBytes(url: string, options: FetchOptions = {}): Promise<Buffer> {
  const { maxBytes = DEFAULT_MAX_BYTES, timeouts } = options;
  const total = new AbortController();
  const seconds = timeouts?.total ?? DEFAULT_TOTAL;
  const timer = setTimeout(
    () => total.abort(unavailable(url, `not done within ${seconds} s`, { retryable: true })),
    seconds * 1000,
  );
  const signal = AbortSignal.any([total.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  try {
    return await receive(url, maxBytes, signal, timeouts);
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(url, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The same as text in UTF-8; a byte order mark is dropped. @throws also when it is not UTF-8. */
export async function fetchText(url: string, options: FetchOptions = {}): Promise<string> {
  const bytes = await fetchBytes(url, options);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unavailable(url, 'it is not text in UTF-8');
  }
}

async function receive(url: string, maxBytes: number, signal: AbortSignal, timeouts?: Timeouts): Promise<Buffer> {
  const answer = await get(url, { signal, timeouts });
  const announced = answer.headers['content-length'];
  const chunks: Buffer[] = [];
  let size = 0;
  const tooLarge = (): Error => unavailable(url, `it is larger than ${maxBytes} bytes`);
  if (announced !== undefined && Number(announced) > maxBytes) {
    await discard(answer.body);
    throw tooLarge();
  }
  for await (const chunk of answer.body) {
    size += (chunk as Buffer).length;
    // Leaving the loop destroys the body.
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
