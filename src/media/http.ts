import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { type AddressPolicy, DEFAULT_ADDRESSES } from './addresses.js';
import { toMediaError, httpStatusError, mediaUnavailableError } from './failures.js';
import { DEFAULT_TIMEOUTS, type MediumStream, type OpenOptions } from './source.js';
import { decodePercent, parseUrl, redactUrl } from './urls.js';

export interface GetOptions extends Pick<OpenOptions, 'signal' | 'timeouts' | 'access'> {
  method?: 'GET' | 'HEAD';
  headers?: Record<string, string>;
}

/** A response. The caller must read or discard the body. */
export interface HttpResponse {
  status: number;
  headers: Record<string, string | undefined>;
  body: Dispatcher.ResponseData['body'];
  /** The URL that answered, after redirects. */
  finalUrl: string;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Connection pools, by address policy and by connect timeout in seconds. Transfers with the same policy and the same
 * timeout share a pool. The pools use http_proxy, https_proxy and no_proxy.
 */
const agents = new WeakMap<AddressPolicy, Map<number, Dispatcher>>();

function getAgent(addresses: AddressPolicy, connectSeconds: number): Dispatcher {
  const ofPolicy = agents.get(addresses) ?? new Map<number, Dispatcher>();
  agents.set(addresses, ofPolicy);
  const known = ofPolicy.get(connectSeconds);
  if (known !== undefined) return known;
  const agent = new EnvHttpProxyAgent({
    // `lookup` applies the address policy. undici does not use these options when it connects to a proxy, so the policy
    // does not check the address of a proxy. It need not, because the operator has chosen that address.
    connect: { timeout: connectSeconds * 1000, lookup: addresses.lookup },
    keepAliveTimeout: 4000,
    // We use tunnels only for https: proxies reject a tunnel to port 80, and cannot cache what passes through a tunnel.
    proxyTunnel: false,
  });
  ofPolicy.set(connectSeconds, agent);
  return agent;
}

/**
 * Sends a GET (or `method`) to an http or https URL and follows up to ten redirects, never from https to http.
 *
 * @returns a response whose status is 2xx
 * @throws FactoryError MediaUnavailable with the URL and the status or the reason; retryable for 408, 425, 429, 5xx and
 *   connection errors; not retryable for an address that `access` does not open, also after a redirect. The signal's
 *   reason on abort.
 */
export async function sendGet(url: string, options: GetOptions = {}): Promise<HttpResponse> {
  let current = parseHttpUrl(url);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await sendRequest(current, options);
    const { location } = answer.headers;
    if (REDIRECTS.has(answer.status) && location !== undefined) {
      await discard(answer.body);
      current = resolveRedirect(current, location);
      continue;
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    await discard(answer.body);
    throw httpStatusError(url, answer.status, answer.headers['retry-after'], current.href);
  }
  throw mediaUnavailableError(url, `there are more than ${MAX_REDIRECTS} redirects`);
}

function parseHttpUrl(url: string): URL {
  const parsed = parseUrl(url);
  if (parsed !== undefined && (parsed.protocol === 'http:' || parsed.protocol === 'https:')) return parsed;
  throw mediaUnavailableError(url, 'it is not an http or https URL');
}

/**
 * Returns the target of a redirect.
 * @throws FactoryError MediaUnavailable when the target is not a URL, or when the redirect leads neither to https nor
 *   from http to http
 */
export function resolveRedirect(from: URL, location: string): URL {
  const to = parseUrl(location, from.href);
  if (to === undefined) throw mediaUnavailableError(from.href, 'it redirects to an address that is not a URL');
  if (to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:')) return to;
  throw mediaUnavailableError(
    from.href,
    `it redirects to ${redactUrl(to.href)}: a redirect must lead to https, or from http to http`,
  );
}

async function sendRequest(
  url: URL,
  { method = 'GET', headers, signal, timeouts, access }: GetOptions,
): Promise<HttpResponse> {
  const { addresses = DEFAULT_ADDRESSES } = access ?? {};
  addresses.checkUrl(url.href);
  const { connect, headers: headersTimeout, idle } = { ...DEFAULT_TIMEOUTS, ...timeouts };
  try {
    const response = await request(url, {
      method,
      dispatcher: getAgent(addresses, connect),
      // We need the bytes without compression, because digests are computed from them.
      headers: { 'accept-encoding': 'identity', ...buildAuthorization(url), ...headers },
      headersTimeout: headersTimeout * 1000,
      bodyTimeout: idle * 1000,
      signal,
    });
    return {
      status: response.statusCode,
      headers: takeFirstValues(response.headers),
      body: response.body,
      finalUrl: url.href,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw toMediaError(url.href, error);
  }
}

/**
 * Builds the header for the user and the password in the URL. After a redirect to another host, we do not send them.
 */
function buildAuthorization(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  const text = `${decodePercent(url.username)}:${decodePercent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

function takeFirstValues(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

/**
 * Opens an http or https URL. With `resume`, requests the rest of the file by Range and If-Range (RFC 9110, section
 * 13.1.5).
 *
 * @throws FactoryError as `sendGet`
 */
export async function openHttp(url: string, { resume, ...options }: OpenOptions): Promise<MediumStream> {
  const range = resume && { range: `bytes=${resume.offset}-`, 'if-range': resume.validator };
  const { status, headers, body, finalUrl } = await sendGet(url, { ...options, headers: range });
  const offset = status === 206 ? (resume?.offset ?? 0) : 0;
  if (status === 206 && headers['content-range']?.startsWith(`bytes ${offset}-`) !== true) {
    await discard(body);
    throw mediaUnavailableError(url, 'the server sent a different range of bytes than requested', { retryable: true });
  }
  const remaining = parseLength(headers['content-length']);
  return {
    offset,
    size: remaining === undefined ? undefined : offset + remaining,
    etag: headers['etag'],
    lastModified: headers['last-modified'],
    body,
    finalUrl,
    close: () => discard(body),
  };
}

function parseLength(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Discards a body. Reads at most 16 KiB of it, so that the connection can be used again. */
export async function discard(body: HttpResponse['body']): Promise<void> {
  body.on('error', () => undefined);
  await body.dump({ limit: 16 * 1024 }).catch(() => undefined);
}
