import { FactoryError } from '../domain/errors.js';
import { type HttpResponse, discard, sendGet } from './http.js';
import { openMedium } from './open.js';
import type { OpenOptions, Validators } from './source.js';

export type { Validators } from './source.js';

type ValidatorOptions = Pick<OpenOptions, 'signal' | 'timeouts' | 'access'>;

/** HTTP statuses with which servers reject HEAD. */
const NO_HEAD = new Set([403, 405, 501]);

/**
 * Reads the validators (entity tag, time, size) of an http, https, ftp or file URL without fetching its content.
 *
 * @throws FactoryError MediaUnavailable as `fetchToFile`
 */
export async function fetchValidators(url: string, options: ValidatorOptions = {}): Promise<Validators> {
  if (/^https?:/i.test(url)) return fetchHttpValidators(url, options);
  const opened = await openMedium(url, options);
  await opened.close();
  const { etag, lastModified, size } = opened;
  return { etag, lastModified, size };
}

async function fetchHttpValidators(url: string, options: ValidatorOptions): Promise<Validators> {
  const answer = await sendGet(url, { ...options, method: 'HEAD' }).catch((error: unknown): Promise<HttpResponse> => {
    // Some servers reject only HEAD, and a URL may be signed for GET only. Then we send a GET and do not read its body.
    if (!(error instanceof FactoryError) || !NO_HEAD.has(error.status ?? 0)) throw error;
    return sendGet(url, options);
  });
  await discard(answer.body);
  const { etag, 'last-modified': lastModified, 'content-length': length } = answer.headers;
  return { etag, lastModified, size: length === undefined ? undefined : Number(length) };
}
