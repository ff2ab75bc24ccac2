import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ArchiveCache } from './cache.js';

/** Options of a mirror. */
export interface MirrorOptions {
  /** Folder whose files are served first: the install tree and our suite of installer components. */
  tree: string;
  /** Folder for the copies of files from the upstream archives. */
  cache: string;
  /**
   * Base URLs of the upstream archives. The key is the first part of the path: `{ debian: 'http://mirror/debian' }`.
   */
  archives: Record<string, string>;
  /**
   * Whether the mirror also serves the archives' installer components (`.udeb`). Default false: it serves only those of
   * the tree.
   */
  archiveComponents?: boolean;
  /**
   * Milliseconds after which the mirror asks the archive whether an index has changed. An index is a file outside
   * `pool/` and `by-hash/`. Default: 6 hours.
   */
  indexAgeMs?: number;
  /** Called after every response. */
  onAnswer?: (method: string, path: string, status: number) => void;
}

interface ByteRange {
  start: number;
  end: number;
}

/**
 * A Debian mirror for the installer and the installed system. It serves the files of our tree. All other files come
 * from the archives, and the mirror keeps copies of them. It answers 404 for an installer component (`.udeb`) that is
 * not in our tree, unless `archiveComponents` is set.
 */
export class Mirror {
  private readonly server: Server;
  private readonly cache: ArchiveCache;

  constructor(private readonly options: MirrorOptions) {
    this.cache = new ArchiveCache(options.cache, options.indexAgeMs ?? 6 * 3600_000);
    this.server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
  }

  /** Starts to listen. With port 0, listens on any free port. @returns the base URL, without a trailing slash */
  async start(port: number, address: string): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, address, resolve);
    });
    const bound = this.server.address() as AddressInfo;
    return `http://${bound.address}:${bound.port}`;
  }

  /** Stops at once. Cuts the connections of responses that are not complete. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
    await this.cache.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodePath(request.url ?? '');
    response.once('close', () => this.options.onAnswer?.(request.method ?? '', path ?? '', response.statusCode));
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
    if (path === undefined) return refuse(response, 400);
    const local = join(this.options.tree, path);
    const found = await stat(local).catch(() => undefined);
    if (found?.isFile()) return sendFile(request, response, local, found);
    return this.passThrough(request, response, path);
  }

  private async passThrough(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const [name = '', ...rest] = path.split('/');
    const archive = this.options.archives[name];
    const isRefused = path.endsWith('.udeb') && this.options.archiveComponents !== true;
    if (archive === undefined || rest.at(-1) === '' || rest.length === 0 || isRefused) return refuse(response, 404);
    const url = `${archive}/${rest.map(encodeURIComponent).join('/')}`;
    const fetched = await this.cache.get(path, url);
    if (fetched.file === undefined) return refuse(response, fetched.status);
    return sendFile(request, response, fetched.file, await stat(fetched.file));
  }
}

/**
 * Decodes the path of a request, without its leading slash and query. Returns undefined when it is not the path of a
 * file.
 */
function decodePath(target: string): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(target.split('?', 1)[0] ?? '');
  } catch {
    return undefined;
  }
  if (!path.startsWith('/') || path.includes('\0') || path.split('/').includes('..')) return undefined;
  return path.replace(/^\/+/, '');
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: string, stats: Stats): Promise<void> {
  const modified = new Date(Math.floor(stats.mtimeMs / 1000) * 1000);
  const headers = {
    'last-modified': modified.toUTCString(),
    'accept-ranges': 'bytes',
    'content-type': 'application/octet-stream',
  };
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  if (since >= modified.getTime()) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = parseRange(request, headers['last-modified'], stats.size);
  if (range === 'outside') {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${stats.size}`, 'content-length': 0 }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: stats.size - 1 };
  response.writeHead(range ? 206 : 200, {
    ...headers,
    'content-length': end - start + 1,
    ...(range && { 'content-range': `bytes ${start}-${end}/${stats.size}` }),
  });
  if (request.method === 'HEAD' || stats.size === 0) {
    response.end();
    return;
  }
  await pipeline(createReadStream(file, { start, end, highWaterMark: 1 << 18 }), response);
}

/**
 * Reads the requested byte range. Returns undefined when the whole file must be sent. That is also so for a range
 * header of unknown form, and for an `If-Range` that does not match the file (RFC 9110 section 14).
 */
function parseRange(request: IncomingMessage, modified: string, size: number): ByteRange | 'outside' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  const ifRange = request.headers['if-range'];
  if (!match || (ifRange !== undefined && ifRange !== modified)) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || start > end) return 'outside';
  return { start, end };
}
