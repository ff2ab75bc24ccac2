import { FactoryError } from '../domain/errors.js';
import { type HttpResponse, discard, sendGet } from './http.js';
import { openMedium } from './open.js';
import type { OpenOptions, Validators } from './source.js';

export type { Validators } from './source.js';

/** Statuses of servers that do not know HEAD. */
const NO_HEAD = new Set([403, 405, 501]);

/**
 * Asks for the validators of what lies at an http, https, ftp or file address without fetching it.
 *
 * @throws FactoryError MediaUnavailable as `fetchToFile`
 */
export async function fetchValidators(
  url: string,
  options: Pick<OpenOptions, 'signal' | 'timeouts' | 'directories'> = {},
): Promise<Validators> {
  if (/^https?:/i.test(url)) return fetchHttpValidators(url, options);
  const opened = await openMedium(url, options);
  await opened.close();
  const { etag, lastModified, size } = opened;
  return { etag, lastModified, size };
}

async function fetchHttpValidators(
  url: string,
  options: Pick<OpenOptions, 'signal' | 'timeouts'>,
): Promise<Validators> {
  const answer = await sendGet(url, { ...options, method: 'HEAD' }).catch((error: unknown): Promise<HttpResponse> => {
    // Some servers, and addresses that are signed for one method, refuse HEAD only: the GET's body is not read then.
    if (!(error instanceof FactoryError) || !NO_HEAD.has(error.status ?? 0)) throw error;
    return sendGet(url, options);
  });
  await discard(answer.body);
  const { etag, 'last-modified': lastModified, 'content-length': length } = answer.headers;
  return { etag, lastModified, size: length === undefined ? undefined : Number(length) };
}
