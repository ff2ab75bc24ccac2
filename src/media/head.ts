import { FactoryError } from '../build/errors.js';
import { type Answer, discard, get, type GetOptions } from './http.js';

/** What tells whether a file at an address is still the same. */
export interface Validators {
  etag?: string;
  lastModified?: string;
  /** Bytes. */
  size?: number;
}

/** Statuses of servers that do not know HEAD. */
const NO_HEAD = new Set([403, 405, 501]);

/**
 * Asks for a file's validators without fetching it.
 *
 * @throws FactoryError MediaUnavailable as `fetchToFile`
 */
export async function head(url: string, options: Pick<GetOptions, 'signal' | 'timeouts'> = {}): Promise<Validators> {
  const answer = await get(url, { ...options, method: 'HEAD' }).catch((error: unknown): Promise<Answer> => {
    // Some servers, and addresses that are signed for one method, refuse HEAD only: the GET's body is not read then.
    if (!(error instanceof FactoryError) || !NO_HEAD.has(error.status ?? 0)) throw error;
    return get(url, options);
  });
  await discard(answer.body);
  const { etag, 'last-modified': lastModified, 'content-length': length } = answer.headers;
  return { etag, lastModified, size: length === undefined ? undefined : Number(length) };
}
