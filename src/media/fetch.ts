import { open, rm } from 'node:fs/promises';
import { FactoryError } from '../domain/errors.js';
import { withDeadline } from './deadline.js';
import { openMedium } from './open.js';
import { FileSink, type SinkOptions } from './sink.js';
import {
  selectValidator,
  type MediumStream,
  type OpenOptions,
  type ResumePosition,
  type Timeouts,
  type Validators,
} from './source.js';

export interface FetchFileOptions extends SinkOptions, Pick<OpenOptions, 'signal' | 'access'> {
  timeouts?: Timeouts & {
    /** Seconds for the whole transfer. Default 21,600 (6 hours). */
    total?: number;
  };
}

export interface FetchedFile {
  /** SHA-256 digest, in hexadecimal. */
  sha256: string;
  /** Bytes. */
  size: number;
  /** The URL that answered, after redirects. */
  finalUrl: string;
  etag?: string;
  lastModified?: string;
}

const DEFAULT_TOTAL = 6 * 3600;
/**
 * Maximum number of times that we resume an interrupted transfer. We give up earlier if an attempt brings no new bytes.
 */
const MAX_RESUMES = 10;

/**
 * Streams an http, https, ftp or file URL into a file and computes the file's digest. Resumes an interrupted transfer
 * where it stopped, if the server supports that and the file at the URL is still the same.
 *
 * @throws FactoryError MediaUnavailable. It is retryable for the statuses 5xx, 408, 425 and 429, for FTP replies 4xx,
 *   and for connections that fail, stall or are interrupted. It is not retryable for statuses such as 403, 404 and 410,
 *   for FTP replies such as 530 and 550, or when the file has too many bytes. ChecksumMismatch with both digests when
 *   the digest is wrong. The signal's reason on abort.
 */
export async function fetchToFile(request: FetchFileOptions): Promise<FetchedFile> {
  const { url, path, signal, timeouts } = request;
  const file = await open(path, 'w', 0o600);
  let done = false;
  try {
    const sink = new FileSink(request, file);
    const fetched = await withDeadline({ url, signal, seconds: timeouts?.total ?? DEFAULT_TOTAL }, (until) =>
      transfer({ ...request, signal: until }, sink),
    );
    await file.sync();
    done = true;
    return fetched;
  } finally {
    await file.close();
    if (!done) await rm(path, { force: true });
  }
}

async function transfer(request: FetchFileOptions & { signal: AbortSignal }, sink: FileSink): Promise<FetchedFile> {
  const { url, signal, timeouts, access } = request;
  let first: MediumStream | undefined;
  for (let resumes = 0; ; resumes++) {
    const before = sink.done;
    try {
      const resume = findResumePosition(sink, first);
      const opened = await openMedium(url, { signal, timeouts, access, resume });
      if (opened.offset === 0) first = opened;
      await sink.receive(opened).finally(() => opened.close());
      const { finalUrl, etag, lastModified } = first ?? opened;
      return { ...sink.finish(), finalUrl, etag, lastModified };
    } catch (error) {
      signal.throwIfAborted();
      const cut = error instanceof FactoryError && error.retryable && error.status === undefined;
      const goesOn =
        cut && findResumePosition(sink, first) !== undefined && sink.done > before && resumes < MAX_RESUMES;
      if (!goesOn) throw error;
    }
  }
}

/**
 * Returns the position where the transfer can be resumed. Returns undefined when no bytes have arrived yet, or when the
 * server sent no validator: then we cannot check that the file at the URL is still the same.
 */
function findResumePosition({ done }: FileSink, first: Validators | undefined): ResumePosition | undefined {
  const mark = first === undefined ? undefined : selectValidator(first);
  return done === 0 || mark === undefined ? undefined : { offset: done, validator: mark, size: first?.size };
}
