import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { FactoryError } from '../../domain/errors.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../http/http.js';
import { readBlocks } from '../transfer/blocks.js';
import { retryPart } from '../transfer/retry-part.js';
import { UploadPace } from '../transfer/upload-pace.js';
import type { Finding, Operation, PushedImage, StagingObject } from '../types.js';
import { changeDocument } from './change-document.js';
import type { ChangeText, Place, Placed, PlacedDocument, WriteCondition } from './place.js';
import { PROBE, requireInside } from './place-name.js';
import { tryOut } from './try-out.js';

/** Bytes that we read from the file at once. */
const BLOCK = 1024 * 1024;
/** An ETag that no file has. */
const NO_ETAG = '"imagefactory-no-such-version"';

/** A web server that takes files by PUT: WebDAV, or an artifact repository. */
export class WebPlace implements Place {
  readonly region = undefined;
  readonly location: string;
  private conditional = false;

  /**
   * @param authorization value of the header, or undefined for a server that asks for none
   * @param verify whether the file is read again after the upload
   */
  constructor(
    readonly url: string,
    readonly publicUrl: string,
    private readonly http: HttpClient,
    private readonly authorization: string | undefined,
    private readonly verify: 'size' | 'read',
  ) {
    this.location = url;
  }

  async read(operation: Operation, name: string): Promise<PlacedDocument | undefined> {
    // A cache on the way must not answer: it would hide the change of another push.
    const headers = { 'cache-control': 'no-cache' };
    const answer = await this.send(operation, 'GET', name, { headers }, [404, 410]);
    if (answer.status >= 400) return undefined;
    const { etag } = answer.headers;
    // A weak tag cannot be the condition of a write: RFC 9110, section 13.1.1.
    const version = typeof etag === 'string' && etag.startsWith('"') ? etag : undefined;
    return { text: answer.body, version };
  }

  async write(operation: Operation, name: string, text: string, condition: WriteCondition): Promise<boolean> {
    const headers = {
      'content-type': name.endsWith('.json') ? 'application/json' : 'text/plain',
      ...(condition === 'absent' ? { 'if-none-match': '*' } : {}),
      ...(typeof condition === 'object' ? { 'if-match': condition.version } : {}),
    };
    const accept = condition === 'always' ? [] : [412];
    const answer = await this.inFolder(operation, name, [404, 409, ...accept], (statuses) =>
      this.send(operation, 'PUT', name, { headers, body: text }, statuses),
    );
    return answer.status < 400;
  }

  update(
    operation: Operation,
    name: string,
    change: ChangeText,
    marks: Readonly<Record<string, string>>,
  ): Promise<void> {
    return changeDocument(this, operation, name, change, marks);
  }

  async canUpdate(operation: Operation, name: string): Promise<boolean> {
    // A `no` may pass: the document was absent, or its tag was still weak.
    this.conditional ||= await this.tryCondition(operation, name);
    return this.conditional;
  }

  /** Writes a document as it is, on a condition that is not met. A server that knows conditions refuses that. */
  private async tryCondition(operation: Operation, name: string): Promise<boolean> {
    let present = await this.read(operation, name);
    if (present !== undefined && present.version === undefined) {
      // Apache gives a strong tag only when the file is older than a second.
      await operation.sleep(1500);
      present = await this.read(operation, name);
    }
    if (present?.version === undefined) return false;
    return !(await this.write(operation, name, present.text, { version: NO_ETAG }));
  }

  async measure(operation: Operation, name: string): Promise<number | undefined> {
    // A compressed answer would have another length.
    const headers = { 'accept-encoding': 'identity' };
    const answer = await this.send(operation, 'HEAD', name, { headers }, [404, 410]);
    const length = answer.headers['content-length'];
    return answer.status >= 400 || typeof length !== 'string' ? undefined : Number(length);
  }

  async upload(operation: Operation, image: PushedImage, name: string): Promise<Placed> {
    if (await this.isThere(operation, image, name)) return { sent: 0, verifiedBy: this.verifiedBy };
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(image.file.size) };
    let sent = 0;
    await retryPart(operation, async () => {
      // The reply of the last try may have been lost, and the file may be there.
      if (sent > 0 && (await this.isThere(operation, image, name))) return;
      await this.inFolder(operation, name, [404, 409], (statuses) => {
        sent += image.file.size;
        const body = this.readFile(operation, image);
        const request = { ...this.request('PUT', name), signal: operation.signal, body };
        return this.http.upload({ ...request, headers: { ...request.headers, ...headers } }, statuses);
      });
    });
    if (await this.isThere(operation, image, name)) return { sent, verifiedBy: this.verifiedBy };
    throw new FactoryError('ChecksumMismatch', `${this.url}/${name} differs from the file that was uploaded`, {
      retryable: true,
      hint: 'check the limits of the server: it may cut files that are too large',
    });
  }

  private readFile(operation: Operation, image: PushedImage): Readable {
    const pace = new UploadPace(operation, `uploading ${image.file.name} to ${this.location}`, image.file.size);
    async function* blocks(): AsyncGenerator<Buffer> {
      for await (const block of readBlocks(image.file.path, BLOCK, { signal: operation.signal })) {
        await pace.acquire(block.length);
        yield block.data ?? Buffer.alloc(block.length);
        pace.sent(block.length);
      }
    }
    return Readable.from(blocks(), { highWaterMark: 1 });
  }

  /** Whether the server has the whole file. */
  private async isThere(operation: Operation, image: PushedImage, name: string): Promise<boolean> {
    if ((await this.measure(operation, name)) !== image.file.size) return false;
    if (this.verify === 'size') return true;
    return (await retryPart(operation, () => this.digestOf(operation, name))) === image.file.sha256;
  }

  private async digestOf(operation: Operation, name: string): Promise<string> {
    const request = this.request('GET', name);
    const { data } = await this.http.download({ ...request, signal: operation.signal });
    const digest = createHash('sha256');
    try {
      for await (const chunk of data as AsyncIterable<Buffer>) {
        digest.update(chunk);
        operation.report({ message: `reading ${this.url}/${name} again` });
      }
    } catch (error) {
      operation.signal.throwIfAborted();
      throw new FactoryError('CloudUnavailable', `cannot read ${this.url}/${name} to its end: ${String(error)}`, {
        retryable: true,
        cause: error,
      });
    }
    return digest.digest('hex');
  }

  private get verifiedBy(): string {
    return this.verify === 'read' ? 'SHA-256 of the file, read again' : 'its size; `verify: read` would compare it';
  }

  async remove(operation: Operation, name: string): Promise<boolean> {
    if ((await this.measure(operation, name)) === undefined) return false;
    await this.send(operation, 'DELETE', name, {}, [404, 410]);
    return true;
  }

  async removeUnfinished(): Promise<string[]> {
    // A file that was not finished has the name of the finished one.
    return [];
  }

  async removeFolder(): Promise<void> {
    // A DELETE of a folder would remove what others have put into it. The empty folder remains.
  }

  async listFolders(): Promise<string[]> {
    return [];
  }

  async listUnfinished(): Promise<Omit<StagingObject, 'uuid'>[]> {
    return [];
  }

  async listProbes(): Promise<StagingObject[]> {
    return [];
  }

  async removeProbe(): Promise<string[]> {
    return [];
  }

  async check(operation: Operation): Promise<Finding[]> {
    const name = `${PROBE}${randomUUID()}`;
    const written = await tryOut(`write to ${this.url}`, () => this.write(operation, name, 'probe\n', 'always'));
    if (!written.ok) return [written];
    return [
      written,
      await tryOut(`read from ${this.url}`, () => this.read(operation, name)),
      await tryOut(`remove from ${this.url}`, () => this.remove(operation, name)),
    ];
  }

  close(): Promise<void> {
    return this.http.close();
  }

  /** Sends a small call, and tries again when the failure is one that passes. The client does so for reads. */
  private send(
    operation: Operation,
    method: HttpRequest['method'],
    name: string,
    { headers = {}, body }: Pick<HttpRequest, 'headers' | 'body'>,
    accept: number[],
  ): Promise<HttpResponse> {
    const request = this.request(method, name);
    const signal = operation.signal;
    const send = (): Promise<HttpResponse> =>
      this.http.send({ ...request, signal, body, headers: { ...request.headers, ...headers } }, accept);
    return method === 'GET' || method === 'HEAD' ? send() : retryPart(operation, send);
  }

  /**
   * Writes a file, and makes its folder when the server says that it is missing: 409 by RFC 4918 (9.7.1), 404 by some.
   */
  private async inFolder(
    operation: Operation,
    name: string,
    statuses: number[],
    put: (accept: number[]) => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const answer = await put(statuses);
    if (answer.status !== 404 && answer.status !== 409) return answer;
    const folders = name.split('/').slice(0, -1);
    for (let depth = 1; depth <= folders.length; depth++) {
      // 405: it is there already, because another push was faster.
      await this.send(operation, 'MKCOL', `${folders.slice(0, depth).join('/')}/`, {}, [405]);
    }
    return put(statuses.filter((status) => status !== 404 && status !== 409));
  }

  private request(method: HttpRequest['method'], name: string): HttpRequest & { headers: Record<string, string> } {
    const { authorization } = this;
    const headers: Record<string, string> = {
      accept: '*/*',
      ...(authorization === undefined ? {} : { authorization }),
    };
    const path = requireInside(name).split('/').map(encodeURIComponent).join('/');
    return { product: `the server of ${this.url}`, method, url: `${this.url}/${path}`, headers };
  }
}
