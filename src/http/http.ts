import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type Dispatcher, request as undiciRequest } from 'undici';
import { FactoryError } from '../domain/errors.js';
import { CallTimeout } from './call-timeout.js';
import type { RateLimiter } from './rate-limiter.js';
import { type ApiCall, contentError, isConnectionReset, responseError, transportError } from './http-errors.js';

/** TLS settings of a cloud or of a provider: the contents of PEM files, not their names. */
export interface Tls {
  ca?: string;
  cert?: string;
  key?: string;
  /** If true, we do not check the server's certificate. */
  insecure?: boolean;
}

/** Time limits of calls, in milliseconds. */
export interface Deadlines {
  /** To connect, including the TLS handshake. */
  connect: number;
  /** From the request to the response's headers. Does not apply to uploads. */
  headers: number;
  /** Between two chunks of a response. */
  body: number;
  /** For a whole call. Does not apply to uploads and downloads. */
  call: number;
  /**
   * Used for an upload instead of `headers`: between two chunks that the server accepts, and from the last chunk to the
   * response's headers. It is long because Glance answers only when its store has all bytes.
   */
  upload: number;
}

export const DEADLINES: Deadlines = {
  connect: 10_000,
  headers: 90_000,
  body: 60_000,
  call: 120_000,
  upload: 600_000,
};

/** Maximum number of connections to one service at the same time. Further calls wait for a free connection. */
const CONNECTIONS = 64;
/** Milliseconds that we keep an idle connection: less than the 5 s after which Apache closes it by default. */
const KEEP_ALIVE = 4000;
/** Maximum number of attempts of a GET. */
const READ_TRIES = 3;
/** Milliseconds before the second attempt of a GET; the pause before the third is twice as long. */
const RETRY_PAUSE = 200;
/**
 * Limit for the retries of a GET, in milliseconds. If the call failed after a longer time, or the service requests a
 * longer pause, we leave the retry to the caller.
 */
const RETRY_LIMIT = 5000;
/** Maximum number of bytes of a response that we read into memory. */
const LARGEST_ANSWER = 64 * 1024 * 1024;
/** Milliseconds after which we try a host's next address in parallel (Happy Eyeballs). */
const NEXT_ADDRESS_DELAY = 1000;

export interface HttpRequest {
  /** The service's name in messages: Glance, `registry registry.example.org`. */
  product: string;
  method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'MKCOL';
  url: string;
  headers?: Record<string, string>;
  body?: string | Buffer | Readable;
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

/** Reads a body as text. @throws FactoryError CloudUnavailable when the body is longer than {@link LARGEST_ANSWER} */
async function readText(call: ApiCall, data: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of data) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw contentError(call, `it has more than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The HTTP connections to one cloud or provider. Every error is a FactoryError, except that an aborted call throws its
 * signal's reason.
 */
export class HttpClient {
  private readonly agent: Agent;

  constructor(
    /** The cloud's name, for messages. Empty for services that belong to no cloud of OpenStack. */
    readonly cloud: string,
    tls: Tls = {},
    private readonly deadlines: Deadlines = DEADLINES,
    /** Limits the rate of calls; an upload or a download counts as one call. Default: no limit. */
    private readonly rateLimiter?: RateLimiter,
  ) {
    this.agent = new Agent({
      connections: CONNECTIONS,
      // An upload over HTTP/2 that is aborted keeps undici 8.13 busy for ever, and no other call is answered any more.
      allowH2: false,
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

  /** Identifies a request in error messages. */
  toApiCall(request: Pick<HttpRequest, 'product' | 'method' | 'url'>): ApiCall {
    const { product, method, url } = request;
    return { service: this.cloud === '' ? product : `${product} of cloud ${this.cloud}`, method, url };
  }

  /**
   * Sends a request and reads the whole response. A GET or HEAD that fails quickly with a transient error is sent
   * again, for two reasons: in a cloud that fails often, an activity with many reads would hardly ever finish; and a
   * server may close an idle connection just when we use it. Every other request is sent only once.
   * @param accept statuses other than 2xx for which the response is returned and no error is thrown
   */
  async send(request: HttpRequest, accept: number[] = []): Promise<HttpResponse> {
    for (let tries = 1; ; tries++) {
      const began = Date.now();
      try {
        return await this.sendOnce(request, accept);
      } catch (error) {
        request.signal?.throwIfAborted();
        const isSlow = Date.now() - began > RETRY_LIMIT;
        if (!['GET', 'HEAD'].includes(request.method) || tries === READ_TRIES || isSlow || !isTransient(error))
          throw error;
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

  /**
   * Uploads a stream. Fails when the server accepts no bytes during the deadline `upload`; the whole upload has no time
   * limit.
   *
   * @param accept statuses other than 2xx for which the response is returned and no error is thrown
   */
  async upload(request: HttpRequest & { body: Readable }, accept: number[] = []): Promise<HttpResponse> {
    const call = this.toApiCall(request);
    try {
      await this.rateLimiter?.acquire(request.signal);
      const response = await this.dispatch(request, request.signal, this.deadlines.upload);
      const answer = {
        status: response.statusCode,
        headers: response.headers,
        body: await readText(call, response.body),
      };
      if (isSuccess(answer.status) || accept.includes(answer.status)) return answer;
      throw responseError(call, answer);
    } catch (error) {
      request.body.destroy();
      request.signal?.throwIfAborted();
      throw transportError(call, error);
    }
  }

  /**
   * Returns the body as a stream, as soon as the response's headers have arrived. The signal and the deadline `body`
   * apply until the end of the stream.
   */
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

  /** Closes every connection; calls in progress fail. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

/** Checks whether the same call may succeed soon, so that we can send it again. */
function isTransient(error: unknown): error is FactoryError {
  if (!(error instanceof FactoryError) || !error.retryable) return false;
  const { type, retryAfterSeconds = 0 } = error;
  return (type === 'CloudUnavailable' || type === 'RateLimited') && retryAfterSeconds * 1000 <= RETRY_LIMIT;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
