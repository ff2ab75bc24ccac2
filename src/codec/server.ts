import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { z } from 'zod';
import { FactoryError } from '../domain/errors.js';
import { EncryptionCodec } from './encryption-codec.js';
import type { PayloadKeys } from './keys.js';

/**
 * Maximum size of a request in bytes. A page of a history has at most 4 MiB of payloads, and base64 and JSON make them
 * larger by up to a half.
 */
const LONGEST_BODY = 8 * 1024 * 1024;
/** Timeout of a whole request, in milliseconds. */
const REQUEST_TIMEOUT = 30_000;

const base64 = z.string().regex(/^[A-Za-z0-9+/_-]*={0,2}$/, 'is not base64');
const REQUEST = z.object({
  payloads: z.array(z.object({ metadata: z.record(z.string(), base64).nullish(), data: base64.nullish() })),
});

export interface CodecServerOptions {
  keys: PayloadKeys;
  host: string;
  /** The port to listen on. 0: any free port. */
  port: number;
  /**
   * Origins of the web pages that may send requests, in the form that browsers send, such as `http://127.0.0.1:8233`.
   */
  origins: string[];
  /**
   * The token that requests must send in `Authorization: Bearer`. Unset: requests need no token, and `host` must be a
   * loopback address.
   */
  token?: string;
}

/** An error for which the server sends a response with this HTTP status and this message. */
class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Serves Temporal's remote codec protocol (https://docs.temporal.io/codec-server): `POST /encode` and `POST /decode`,
 * with JSON in both directions. Accepts requests of web pages from the given origins, and of programs, which send no
 * origin.
 *
 * @throws FactoryError InvalidParameter when the address is not a loopback address and there is no token, or when the
 *   server cannot listen on the address
 */
export async function serveCodec(options: CodecServerOptions): Promise<{ server: Server; port: number }> {
  const { host, port, token } = options;
  if (token === undefined && !isLoopback(host)) {
    throw new FactoryError(
      'InvalidParameter',
      `without a token, the codec server would decrypt for every caller that can reach ${host}`,
      {
        hint: 'set IMAGEFACTORY_CODEC_TOKEN to a token that callers must send, or listen on 127.0.0.1 only',
      },
    );
  }
  const codec = new EncryptionCodec(options.keys);
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT }, (request, response) => {
    void handleRequest(request, response, options, codec);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new FactoryError('InvalidParameter', `the codec server cannot listen on ${host}:${port} (${error.code})`, {
          hint: 'give another address with --address HOST:PORT',
          cause: error,
        }),
      ),
    );
    server.listen(port, host.replace(/^\[|\]$/g, ''), resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/.test(host);
}

async function handleRequest(
  request: IncomingMessage,
  response: ServerResponse,
  options: CodecServerOptions,
  codec: PayloadCodec,
): Promise<void> {
  try {
    checkOrigin(request, response, options.origins);
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    const path = (request.url ?? '').split('?')[0];
    if (path !== '/encode' && path !== '/decode') throw new RequestError(404, 'the path must be /encode or /decode');
    if (request.method !== 'POST') throw new RequestError(405, `${path} needs the method POST`);
    if (!hasToken(request, options.token)) throw new RequestError(401, 'the token is missing or wrong');
    const payloads = parsePayloads(await readBody(request));
    const done = path === '/encode' ? await codec.encode(payloads) : await decodePayloads(codec, payloads);
    sendJson(response, 200, { payloads: done.map(toJson) });
  } catch (error) {
    const status = error instanceof RequestError ? error.status : 500;
    // We do not read the rest of a rejected request: the connection ends after the response.
    if (!request.complete) response.setHeader('connection', 'close');
    if (status === 401) response.setHeader('www-authenticate', 'Bearer');
    sendJson(response, status, { message: error instanceof RequestError ? error.message : 'the codec server failed' });
  }
}

/**
 * Checks the origin that browsers send, and rejects a request from another origin. CORS headers alone would only hide
 * the response from the page. The check also rejects a page that uses DNS rebinding to look like ours, because the page
 * still sends its own origin.
 */
function checkOrigin({ headers }: IncomingMessage, response: ServerResponse, origins: string[]): void {
  response.setHeader('vary', 'origin');
  const { origin } = headers;
  if (origin === undefined) return;
  if (!origins.includes(origin))
    throw new RequestError(
      403,
      `web pages of ${origin} may not send requests: to allow them, start the codec server with --ui ${origin}`,
    );
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-methods', 'POST, OPTIONS');
  response.setHeader('access-control-allow-headers', 'authorization, content-type, x-namespace');
  response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('access-control-max-age', '600');
  // Browsers ask for this permission when a page from a public address sends a request to a loopback address:
  // https://wicg.github.io/private-network-access/
  if (headers['access-control-request-private-network'] === 'true') {
    response.setHeader('access-control-allow-private-network', 'true');
  }
}

function hasToken({ headers }: IncomingMessage, token: string | undefined): boolean {
  if (token === undefined) return true;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest((headers.authorization ?? '').replace(/^Bearer +/i, '')), digest(token));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BODY) throw new RequestError(413, `a request may have at most ${LONGEST_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsePayloads(body: string): Payload[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new RequestError(400, 'the request is not JSON');
  }
  const parsed = REQUEST.safeParse(value);
  if (!parsed.success) {
    const first = parsed.error.issues[0];
    throw new RequestError(400, `the request is not a list of payloads: ${first?.path.join('.')}: ${first?.message}`);
  }
  return parsed.data.payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')]),
    ),
    data: Buffer.from(data ?? '', 'base64'),
  }));
}

async function decodePayloads(codec: PayloadCodec, payloads: Payload[]): Promise<Payload[]> {
  try {
    return await codec.decode(payloads);
  } catch (error) {
    throw new RequestError(400, (error as Error).message);
  }
}

function toJson({ metadata, data }: Payload): Record<string, unknown> {
  const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, bytes]) => [key, text(bytes)])),
    data: text(data),
  };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
