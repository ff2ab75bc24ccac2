import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { failureOf, statusFailure, unavailable } from './failures.js';
import { decoded, parseUrl, withoutSecrets } from './urls.js';

/** Seconds; each wait of a transfer has its own. */
export interface Timeouts {
  /** To connect, TLS included. Default 30. */
  connect?: number;
  /** From the request to the answer's headers. Default 60. */
  headers?: number;
  /** Without a byte of the body. Default 60. */
  idle?: number;
}

export interface GetOptions {
  method?: 'GET' | 'HEAD';
  headers?: Record<string, string>;
  signal?: AbortSignal;
  timeouts?: Timeouts;
}

/** An answer whose status is 2xx. The caller reads or destroys the body. */
export interface Answer {
  status: number;
  headers: Record<string, string | undefined>;
  body: Dispatcher.ResponseData['body'];
  /** The address that answered, after redirects. */
  finalUrl: string;
}

const DEFAULTS = { connect: 30, headers: 60, idle: 60 };
const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Connections by connect timeout, shared by all transfers; http_proxy, https_proxy and no_proxy are honoured. */
const agents = new Map<number, Dispatcher>();

function agentFor(connectSeconds: number): Dispatcher {
  const known = agents.get(connectSeconds);
  if (known !== undefined) return known;
  const agent = new EnvHttpProxyAgent({ connect: { timeout: connectSeconds * 1000 }, keepAliveTimeout: 4000 });
  agents.set(connectSeconds, agent);
  return agent;
}

/**
 * Asks for an http or https address and follows up to ten redirects, never from https to http.
 *
 * @throws FactoryError MediaUnavailable naming address and status or reason; retryable for 408, 425, 429, 5xx and failures of
 *   the connection. The signal's reason on abort.
 */
export async function get(url: string, options: GetOptions = {}): Promise<Answer> {
  let current = checkedUrl(url);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await ask(current, options);
    const { location } = answer.headers;
    if (REDIRECTS.has(answer.status) && location !== undefined) {
      await discard(answer.body);
      current = redirectTarget(current, location);
      continue;
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    await discard(answer.body);
    throw statusFailure(url, answer.status, answer.headers['retry-after'], current.href);
  }
  throw unavailable(url, `more than ${MAX_REDIRECTS} redirects`);
}

function checkedUrl(url: string): URL {
  const parsed = parseUrl(url);
  if (parsed !== undefined && (parsed.protocol === 'http:' || parsed.protocol === 'https:')) return parsed;
  throw unavailable(url, 'not an http or https address');
}

/** Where a redirect leads. */
export function redirectTarget(from: URL, location: string): URL {
  const to = parseUrl(location, from.href);
  if (to === undefined) throw unavailable(from.href, 'redirects to something that is no address');
  if (to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:')) return to;
  throw unavailable(from.href, `redirects to ${withoutSecrets(to.href)}: from https only https is followed`);
}

async function ask(url: URL, { method = 'GET', headers, signal, timeouts }: GetOptions): Promise<Answer> {
  const { connect, headers: headersTimeout, idle } = { ...DEFAULTS, ...timeouts };
  try {
    const response = await request(new URL(url.pathname + url.search, url.origin), {
      method,
      dispatcher: agentFor(connect),
      // Bytes as they lie there: digests are of them.
      headers: { 'accept-encoding': 'identity', ...authorization(url), ...headers },
      headersTimeout: headersTimeout * 1000,
      bodyTimeout: idle * 1000,
      signal,
    });
    return {
      status: response.statusCode,
      headers: singleHeaders(response.headers),
      body: response.body,
      finalUrl: url.href,
    };
  } catch (error) {
    signal?.throwIfAborted();
    throw failureOf(url.href, error);
  }
}

/** User and password of the address itself; a redirect's target has its own or none. */
function authorization(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  const text = `${decoded(url.username)}:${decoded(url.password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

function singleHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

/** Throws a body away without reading much of it. */
export async function discard(body: Answer['body']): Promise<void> {
  body.on('error', () => undefined);
  await body.dump({ limit: 16 * 1024 }).catch(() => undefined);
}
