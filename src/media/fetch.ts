import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { FactoryError } from '../build/errors.js';
import { reasonOf, unavailable } from './failures.js';
import { type Answer, discard, get, type Timeouts } from './http.js';
import { withoutSecrets } from './urls.js';

export interface FetchToFile {
  url: string;
  /** Where the bytes go; what is there is overwritten. Removed when the fetch fails. */
  path: string;
  signal?: AbortSignal;
  /** The digest that the bytes must have: md5, sha1, sha256, sha384 or sha512, hexadecimal. */
  expected?: { algorithm: string; value: string };
  /** Bytes that are taken at the most. */
  maxBytes: number;
  /** Bytes so far, and in all where the server has said so. Called a few times a second at the most. */
  onProgress?: (done: number, total?: number) => void;
  timeouts?: Timeouts & {
    /** Seconds for the whole transfer. Default 6 hours. */
    total?: number;
  };
}

export interface Fetched {
  /** Hexadecimal. */
  sha256: string;
  /** Bytes. */
  size: number;
  /** The address that answered, after redirects. */
  finalUrl: string;
  etag?: string;
  lastModified?: string;
}

const ALGORITHMS = new Set(['md5', 'sha1', 'sha256', 'sha384', 'sha512']);
const DEFAULT_TOTAL = 6 * 3600;
/** How often a transfer that was cut is gone on with, as long as each try brings something. */
const MAX_RESUMES = 10;
const REPORT_INTERVAL = 250;

/**
 * Streams an http or https address into a file, hashing on the way. A transfer that is cut goes on where it stopped (Range
 * with If-Range, RFC 9110 section 13.1.5) if the server allows it.
 *
 * @throws FactoryError MediaUnavailable (retryable for 5xx, 429, connections that fail, stall or are cut; not for 403, 404,
 *   410 and the like, or too many bytes); ChecksumMismatch with both digests. The signal's reason on abort.
 */
export async function fetchToFile(request: FetchToFile): Promise<Fetched> {
  const { url, path, expected } = request;
  if (expected !== undefined && !ALGORITHMS.has(expected.algorithm)) {
    throw new FactoryError('InvalidParameter', `${JSON.stringify(expected.algorithm)} is not a digest algorithm`, {
      hint: `use one of ${[...ALGORITHMS].join(', ')}`,
    });
  }
  const total = new AbortController();
  const seconds = request.timeouts?.total ?? DEFAULT_TOTAL;
  const timer = setTimeout(
    () => total.abort(unavailable(url, `not done within ${seconds} s`, { retryable: true })),
    seconds * 1000,
  );
  const signal = AbortSignal.any([total.signal, ...(request.signal === undefined ? [] : [request.signal])]);
  const file = await open(path, 'w', 0o600);
  let done = false;
  try {
    const fetched = await new Transfer({ ...request, signal }, file).run();
    await file.sync();
    done = true;
    return fetched;
  } finally {
    clearTimeout(timer);
    await file.close();
    if (!done) await rm(path, { force: true });
  }
}

/** One file on its way. */
class Transfer {
  private done = 0;
  private reported = 0;
  private length: number | undefined;
  private sha256 = createHash('sha256');
  private expectedHash: Hash | undefined;
  /** Of the answer that the first bytes came from. */
  private origin: Answer | undefined;

  constructor(
    private readonly request: FetchToFile & { signal: AbortSignal },
    private readonly file: FileHandle,
  ) {}

  async run(): Promise<Fetched> {
    for (let resumes = 0; ; resumes++) {
      const before = this.done;
      try {
        await this.receive(await this.ask());
        return this.finish();
      } catch (error) {
        this.request.signal.throwIfAborted();
        const cut = error instanceof FactoryError && error.retryable && error.status === undefined;
        const goesOn = cut && this.validator() !== undefined && this.done > before && resumes < MAX_RESUMES;
        if (!goesOn) throw error;
      }
    }
  }

  private ask(): Promise<Answer> {
    const { url, signal, timeouts } = this.request;
    const validator = this.validator();
    const headers: Record<string, string> = {};
    if (this.done > 0 && validator !== undefined)
      Object.assign(headers, { range: `bytes=${this.done}-`, 'if-range': validator });
    return get(url, { headers, signal, timeouts });
  }

  /** What the first answer can be recognised by: only a strong entity tag will do, or else its time. */
  private validator(): string | undefined {
    const { etag, 'last-modified': lastModified } = this.origin?.headers ?? {};
    return etag !== undefined && !etag.startsWith('W/') ? etag : lastModified;
  }

  private async receive(answer: Answer): Promise<void> {
    const { url, maxBytes, signal } = this.request;
    if (answer.status !== 206 || !this.continues(answer)) await this.startOver(answer);
    this.reported = 0;
    const remaining = numberOf(answer.headers['content-length']);
    this.length = remaining === undefined ? undefined : this.done + remaining;
    if ((this.length ?? 0) > maxBytes) {
      await discard(answer.body);
      throw tooLarge(url, `${this.length}`, maxBytes);
    }
    try {
      for await (const chunk of answer.body) await this.take(chunk as Buffer);
    } catch (error) {
      signal.throwIfAborted();
      throw this.cut(error);
    }
    if (this.length !== undefined && this.done !== this.length) throw this.cut(undefined);
  }

  private cut(error: unknown): unknown {
    if (error instanceof FactoryError) return error;
    if (isLocal(error)) return storeFailure(this.request.path, error);
    const all = this.length === undefined ? '' : ` of ${this.length}`;
    const why = error === undefined ? 'the transfer ended early' : reasonOf(error);
    return unavailable(this.request.url, `${why}, after ${this.done}${all} bytes`, { retryable: true, cause: error });
  }

  private continues(answer: Answer): boolean {
    return answer.headers['content-range']?.startsWith(`bytes ${this.done}-`) === true;
  }

  private async startOver(answer: Answer): Promise<void> {
    const { expected, url } = this.request;
    if (answer.status === 206)
      throw unavailable(url, 'the server sent another part than was asked for', { retryable: true });
    this.origin = answer;
    this.done = 0;
    this.sha256 = createHash('sha256');
    this.expectedHash =
      expected === undefined || expected.algorithm === 'sha256' ? undefined : createHash(expected.algorithm);
    await this.file.truncate(0);
  }

  private async take(chunk: Buffer): Promise<void> {
    const { url, maxBytes, onProgress } = this.request;
    if (this.done + chunk.length > maxBytes) throw tooLarge(url, `more than ${maxBytes}`, maxBytes);
    this.sha256.update(chunk);
    this.expectedHash?.update(chunk);
    for (let written = 0; written < chunk.length;) {
      const { bytesWritten } = await this.file.write(chunk, written, chunk.length - written, this.done + written);
      written += bytesWritten;
    }
    this.done += chunk.length;
    if (onProgress === undefined || Date.now() - this.reported < REPORT_INTERVAL) return;
    this.reported = Date.now();
    onProgress(this.done, this.length);
  }

  private finish(): Fetched {
    const { url, expected, onProgress } = this.request;
    onProgress?.(this.done, this.done);
    const sha256 = this.sha256.digest('hex');
    const actual = this.expectedHash?.digest('hex') ?? sha256;
    if (expected !== undefined && actual !== expected.value.toLowerCase()) {
      throw new FactoryError(
        'ChecksumMismatch',
        `${withoutSecrets(url)} has ${expected.algorithm} ${actual}, expected ${expected.value.toLowerCase()}`,
        { hint: 'the file or the checksum is out of date, or somebody has changed the file' },
      );
    }
    const { etag, 'last-modified': lastModified } = this.origin?.headers ?? {};
    return { sha256, size: this.done, finalUrl: this.origin?.finalUrl ?? url, etag, lastModified };
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function tooLarge(url: string, size: string, limit: number): FactoryError {
  return unavailable(url, `it has ${size} bytes, and at most ${limit} are taken`);
}

/** Errors of the file system name their call; those of the network have a code without one, or `read`. */
function isLocal(error: unknown): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return syscall === 'write' && (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' || code === 'EFBIG');
}

function storeFailure(path: string, error: unknown): FactoryError {
  return new FactoryError('StoreFailed', `cannot write ${path}: ${(error as Error).message}`, {
    retryable: true,
    cause: error,
  });
}
