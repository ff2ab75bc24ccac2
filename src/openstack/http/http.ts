import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type Dispatcher, request as undiciRequest } from 'undici';
import { FactoryError } from '../../domain/errors.js';
import { CallTimeout } from './call-timeout.js';
import type { RateLimiter } from './rate-limiter.js';
import { type ApiCall, contentError, isConnectionReset, responseError, transportError } from './http-errors.js';

/** TLS of a cloud; contents of PEM files, not their names. */
export interface Tls {
  ca?: string;
  cert?: string;
  key?: string;
  /** Trust whoever answers. */
  insecure?: boolean;
}

/** Milliseconds. */
export interface Deadlines {
  /** To connect, TLS included. */
  connect: number;
  /** From the request to the first line of the answer; of an upload, between two pieces that are taken from us. */
  headers: number;
  /** Between two pieces of an answer. */
  body: number;
  /** A whole call, except those that stream. */
  call: number;
  /** Like `headers`, for an upload: Glance answers only when its store has everything. */
  upload: number;
}

export const DEADLINES: Deadlines = {
  connect: 10_000,
  headers: 90_000,
  body: 60_000,
  call: 120_000,
  upload: 600_000,
};

/** Connections to one service at a time; more calls than that wait for their turn. */
const CONNECTIONS = 64;
/** Milliseconds that an idle connection is kept: less than Apache keeps it by default (5 s). */
const KEEP_ALIVE = 4000;
/** How often a GET is sent at the most, with so many milliseconds after the first failure, twice as many after the second. */
const READ_TRIES = 3;
const RETRY_PAUSE = 200;
/** Milliseconds; a failure that took longer, or that asks for a longer pause, is the caller's. */
const RETRY_LIMIT = 5000;
/** Bytes of an answer that is read into memory. */
const LARGEST_ANSWER = 64 * 1024 * 1024;
/** Milliseconds before a host's next address is tried beside the first one. */
const NEXT_ADDRESS_DELAY = 1000;

export interface HttpRequest {
  product: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: string | Readable;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface HttpStreamResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  data: Readable;
}

/** Reads at most so much; a longer answer is an error. */
async function readText(call: ApiCall, data: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of data) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw contentError(call, `more than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The connections to one cloud. Every failure is a FactoryError, except that an aborted call fails with its signal's reason. */
export class HttpClient {
  private readonly agent: Agent;

  constructor(
    /** The cloud's name, for messages. */
    readonly cloud: string,
    tls: Tls = {},
    private readonly deadlines: Deadlines = DEADLINES,
    /** How often it may be called; an upload or a download is one call. Default: as often as we like. */
    private readonly rateLimiter?: RateLimiter,
  ) {
    this.agent = new Agent({
      connections: CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE,
      headersTimeout: deadlines.headers,
      bodyTimeout: deadlines.body,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_DELAY,
      connect: {
        timeout: deadlines.connect,
        ca: tls.ca,
        cert: tls.cert,
        key: tls.key,
        rejectUnauthorized: tls.insecure !== true,
      },
    });
  }

  /** Names a call in errors. */
  toApiCall(request: Pick<HttpRequest, 'product' | 'method' | 'url'>): ApiCall {
    return { product: request.product, cloud: this.cloud, method: request.method, url: request.url };
  }

  /**
   * One call with its whole answer. A GET that fails soon, in a way that passes, is sent again a few times: an activity that
   * reads much would hardly ever get to its end in a cloud that fails often, and a server may close an idle connection in
   * the moment in which we use it. Nothing else is ever sent twice.
   * @param accept other statuses than 2xx to answer instead of throwing
   */
  async send(request: HttpRequest, accept: number[] = []): Promise<HttpResponse> {
    for (let tries = 1; ; tries++) {
      const began = Date.now();
      try {
        return await this.sendOnce(request, accept);
      } catch (error) {
        request.signal?.throwIfAborted();
        const isSlow = Date.now() - began > RETRY_LIMIT;
        if (request.method !== 'GET' || tries === READ_TRIES || isSlow || !isTransient(error)) throw error;
        const pause = isConnectionReset(error.cause) && tries === 1 ? 0 : RETRY_PAUSE * tries;
        await delay(Math.max(pause, (error.retryAfterSeconds ?? 0) * 1000), undefined, {
          signal: request.signal,
        }).catch(() => undefined);
      }
    }
  }

  private async sendOnce(request: HttpRequest, accept: number[]): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    const call = this.toApiCall(request);
    await this.rateLimiter?.acquire(request.signal);
    const clock = new CallTimeout(request.signal, this.deadlines.call);
    try {
      const response = await this.dispatch(request, clock.signal, this.deadlines.headers);
      const answer = {
        status: response.statusCode,
        headers: response.headers,
        body: await readText(call, response.body),
      };
      if (isSuccess(answer.status) || accept.includes(answer.status)) return answer;
      throw responseError(call, answer);
    } catch (error) {
      request.signal?.throwIfAborted();
      throw transportError(call, error);
    } finally {
      clock.stop();
    }
  }

  /** Sends a stream; the answer is small. Ends when nothing is taken from us for a time, however long it all takes. */
  async upload(request: HttpRequest & { body: Readable }): Promise<HttpResponse> {
    const call = this.toApiCall(request);
    try {
      await this.rateLimiter?.acquire(request.signal);
      const response = await this.dispatch(request, request.signal, this.deadlines.upload);
      const answer = {
        status: response.statusCode,
        headers: response.headers,
        body: await readText(call, response.body),
      };
      if (isSuccess(answer.status)) return answer;
      throw responseError(call, answer);
    } catch (error) {
      request.body.destroy();
      request.signal?.throwIfAborted();
      throw transportError(call, error);
    }
  }

  /** Answers a stream as soon as the headers are there. The signal, and the deadline between two pieces, hold until its end. */
  async download(request: HttpRequest): Promise<HttpStreamResponse> {
    const call = this.toApiCall(request);
    try {
      await this.rateLimiter?.acquire(request.signal);
      const response = await this.dispatch(request, request.signal, this.deadlines.headers);
      if (isSuccess(response.statusCode)) {
        return { status: response.statusCode, headers: response.headers, data: response.body };
      }
      const body = await readText(call, response.body);
      throw responseError(call, { status: response.statusCode, headers: response.headers, body });
    } catch (error) {
      request.signal?.throwIfAborted();
      throw transportError(call, error);
    }
  }

  private dispatch(
    { method, url, headers, body }: HttpRequest,
    signal: AbortSignal | undefined,
    headersTimeout: number,
  ): Promise<Dispatcher.ResponseData> {
    return undiciRequest(url, {
      dispatcher: this.agent,
      method,
      headers: { accept: 'application/json', 'user-agent': 'imagefactory-nova', ...headers },
      body,
      signal,
      headersTimeout,
    });
  }

  /** Cuts every connection; calls that are under way fail. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

/** Whether the same call may well succeed in a moment. */
function isTransient(error: unknown): error is FactoryError {
  if (!(error instanceof FactoryError) || !error.retryable) return false;
  const { type, retryAfterSeconds = 0 } = error;
  return (type === 'CloudUnavailable' || type === 'RateLimited') && retryAfterSeconds * 1000 <= RETRY_LIMIT;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
