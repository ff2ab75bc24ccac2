import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';

/** The result of a request to the upstream archive. */
export type Fetched = { status: 200; file: string } | { status: number; file?: undefined };

/** Timeout of one download, in milliseconds. */
const DOWNLOAD_DEADLINE_MS = 600_000;

/**
 * Keeps copies of files of remote archives on disk. When several callers request the same file at once, it is
 * downloaded once. Files in `pool/` or `by-hash/` never change. For any other file, after `indexAgeMs` the archive is
 * asked again whether the file has changed (If-Modified-Since). When the archive cannot be reached, the existing copy
 * is returned.
 */
export class ArchiveCache {
  private readonly running = new Map<string, Promise<Fetched>>();
  private readonly checkedAt = new Map<string, number>();
  private readonly dispatcher = new EnvHttpProxyAgent();

  constructor(
    private readonly folder: string,
    private readonly indexAgeMs: number,
  ) {}

  /**
   * Returns the file at `url`. Its copy is at `path` in the folder of the cache. When the archive answers with an
   * error, returns the status of that answer and does not throw.
   */
  get(path: string, url: string): Promise<Fetched> {
    const running = this.running.get(path);
    if (running) return running;
    const fetched = this.lookUp(path, url).finally(() => this.running.delete(path));
    this.running.set(path, fetched);
    return fetched;
  }

  /** Closes the connections to the archives. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async lookUp(path: string, url: string): Promise<Fetched> {
    const file = join(this.folder, path);
    const kept = await stat(file).catch(() => undefined);
    if (kept && this.isFresh(path)) return { status: 200, file };
    try {
      const status = await this.download(url, file, kept?.mtime);
      if (status !== 200) return { status };
      this.checkedAt.set(path, Date.now());
      return { status, file };
    } catch {
      return kept ? { status: 200, file } : { status: 502 };
    }
  }

  private isFresh(path: string): boolean {
    if (/(^|\/)(pool|by-hash)\//.test(path)) return true;
    const checked = this.checkedAt.get(path);
    return checked !== undefined && Date.now() - checked < this.indexAgeMs;
  }

  /**
   * Downloads the file if the archive has a newer one than the copy.
   *
   * @returns 200 when there is a copy afterwards, else the status of the archive's answer
   */
  private async download(url: string, file: string, since: Date | undefined): Promise<number> {
    const response = await fetch(url, {
      dispatcher: this.dispatcher,
      signal: AbortSignal.timeout(DOWNLOAD_DEADLINE_MS),
      headers: { 'accept-encoding': 'identity', ...(since && { 'if-modified-since': since.toUTCString() }) },
    });
    if (response.status === 200) await keep(response, file, since);
    else await response.body?.cancel();
    return response.status === 304 ? 200 : response.status;
  }
}

/**
 * Writes the body of a response to a temporary file and renames it, so that readers never see a partial file. If the
 * archive sends no date and the file has not changed, the copy keeps its date (`since`). So a guest's apt does not
 * fetch the file again.
 */
async function keep(response: Response, file: string, since: Date | undefined): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const part = `${file}.${randomUUID()}.part`;
  try {
    if (response.body) await pipeline(Readable.fromWeb(response.body), createWriteStream(part));
    const length = response.headers.get('content-length');
    const { size } = await stat(part);
    if (length !== null && Number(length) !== size)
      throw new Error(`the archive sent ${size} bytes instead of ${length}`);
    const dated = response.headers.get('last-modified');
    const unchanged = since !== undefined && (await readFile(part)).equals(await readFile(file));
    const modified = dated !== null ? new Date(dated) : unchanged ? since : new Date();
    await utimes(part, modified, modified);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}
