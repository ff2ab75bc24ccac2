import { type ErrorType, FactoryError } from '../../domain/errors.js';

/** Which call of which service an error is about. Never holds a token or a body. */
export interface ApiCall {
  /** The service's own name: Keystone, Nova, Glance, Neutron, Cinder. */
  product: string;
  cloud: string;
  method: string;
  url: string;
}

/** An answer that is not a success. */
export interface ErrorResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Characters of a service's message that are passed on. */
const LONGEST_MESSAGE = 600;

/**
 * Base64 that a service repeats from the request: Nova quotes the user data that it refuses, and an install script may
 * hold passwords. Digests are no base64, as they are hexadecimal.
 */
const ECHOED_BASE64 = /(?![0-9a-fA-F]{64,}(?![A-Za-z0-9+/]))[A-Za-z0-9+/]{64,}={0,2}/g;

/** Neutron's types that mean that there is none left now, though one may be given back. */
const NEUTRON_SHORTAGES = [
  'OverQuota',
  'IpAddressGenerationFailure',
  'IpAddressGenerationFailureAllSubnets',
  'ExternalIpAddressExhausted',
];

/** Codes of failures to trust the other side's certificate; trying again does not help. */
const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT|ERR_SSL_|HOSTNAME_MISMATCH)/;

/** `GET /v2.1/servers/x`: the query is left out, because it can be long. */
export function formatCall({ method, url }: Pick<ApiCall, 'method' | 'url'>): string {
  return `${method} ${new URL(url).pathname}`;
}

function readHeader(headers: ErrorResponse['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** OpenStack's id of a request, under either of the names that services use. */
export function readRequestId(headers: ErrorResponse['headers']): string | undefined {
  return readHeader(headers, 'x-openstack-request-id') ?? readHeader(headers, 'x-compute-request-id');
}

/** Seconds of `Retry-After`, which is a number of seconds or a date (RFC 9110, 10.2.3). */
export function readRetryAfter(headers: ErrorResponse['headers'], now = Date.now()): number | undefined {
  const text = readHeader(headers, 'retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

interface ServiceMessage {
  message: string;
  /** Neutron's name of the error. */
  type?: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The message in an error document. Keystone: `{"error": {"message"}}`; Nova and Cinder: `{"itemNotFound": {"message"}}`, one key
 * named after the kind; Neutron: `{"NeutronError": {"type", "message"}}`; older WSGI layers: `{"message"}`; Placement and
 * newer ones: `{"errors": [{"detail"}]}`; Faults of load balancers and Glance: a page of HTML.
 */
function findJsonMessage(document: unknown): ServiceMessage | undefined {
  if (typeof document === 'string') return { message: document };
  if (!isRecord(document)) return undefined;
  if (Array.isArray(document['errors'])) return findJsonMessage(document['errors'][0]);
  const message = document['message'] ?? document['detail'] ?? document['title'];
  if (typeof message === 'string') {
    return typeof document['type'] === 'string' ? { message, type: document['type'] } : { message };
  }
  if (isRecord(message)) return findJsonMessage(message);
  const inner = Object.values(document).find((value) => isRecord(value) || typeof value === 'string');
  return inner === undefined ? undefined : findJsonMessage(inner);
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&', nbsp: ' ', '#x27': "'", '#39': "'" };

function decodeEntities(html: string): string {
  return html.replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole);
}

function readHtmlText(page: string): string {
  const body = /<body[^>]*>([\s\S]*)/i.exec(page)?.[1] ?? page;
  const withoutTitle = body.replace(/<h1>[\s\S]*?<\/h1>/gi, ' ').replace(/<[^>]*>/g, ' ');
  return decodeEntities(withoutTitle.trim() === '' ? body.replace(/<[^>]*>/g, ' ') : withoutTitle);
}

/** What the service itself says, as one line. */
export function parseServiceMessage(body: string): ServiceMessage {
  const found = parseJsonMessage(body) ?? { message: body.includes('<') ? readHtmlText(body) : body };
  // Glance puts bits of HTML into JSON as well; other angle brackets belong to the message.
  const line = found.message
    .replace(/<br\s*\/?>|\s+/g, ' ')
    .replace(ECHOED_BASE64, '…')
    .trim()
    .replace(/\s+/g, ' ');
  return { ...found, message: line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line };
}

function parseJsonMessage(body: string): ServiceMessage | undefined {
  try {
    return findJsonMessage(JSON.parse(body));
  } catch {
    return undefined;
  }
}

interface ErrorClass {
  type: ErrorType;
  retryable?: boolean;
  hint?: string;
}

const QUOTA: ErrorClass = {
  type: 'QuotaExceeded',
  retryable: true,
  hint: 'free something in the project, or ask the cloud’s operators for a larger quota',
};

function isQuota({ message, type }: ServiceMessage): boolean {
  if (type !== undefined && NEUTRON_SHORTAGES.includes(type)) return true;
  return /quota\b.*\bexceeded|(exceeded|exceeds)\b.*\bquota|over quota|is over limit of/i.test(message);
}

/** Cinder, and Nova in its words, say 400 of a volume that is not in a state for what is asked. */
function isInvalidVolumeState({ message }: ServiceMessage): boolean {
  return /Invalid volume: .*\b(status must be|not allowed for volumes in)\b/i.test(message);
}

/** Cinder says as of a quota that one volume is larger than any may be; that does not pass. */
function isTooLarge({ message }: ServiceMessage): boolean {
  return /is larger than maximum allowed limit/i.test(message);
}

/** The class of a refusal, by status first and by the service's type or words only where one status means two things. */
function classifyResponse(status: number, said: ServiceMessage, hasRetryAfter: boolean): ErrorClass {
  if (status === 401) {
    return {
      type: 'AuthenticationFailed',
      hint: 'see that the credentials of this cloud are right and have not expired',
    };
  }
  if (status === 413 && isTooLarge(said)) return { type: 'BadRequest' };
  if ([400, 403, 409, 413].includes(status) && isQuota(said)) return QUOTA;
  if (status === 400 && isInvalidVolumeState(said)) return { type: 'Conflict' };
  if (status === 403) return { type: 'Forbidden', hint: 'the user’s role in the project does not allow this' };
  if (status === 404 || status === 410) return { type: 'NotFound' };
  if (status === 409) return { type: 'Conflict' };
  // Glance and Cinder say 413 when a quota of their own is used up, older Novas when one asks too often.
  if (status === 413 && !hasRetryAfter) return QUOTA;
  if (status === 413 || status === 429) return { type: 'RateLimited', retryable: true };
  if (status === 408 || (status >= 500 && status !== 501)) return { type: 'CloudUnavailable', retryable: true };
  if (status >= 300 && status < 400) return { type: 'BadRequest', hint: 'is this the address of the service itself?' };
  return { type: 'BadRequest' };
}

/** The failure for an answer that is not a success. */
export function responseError(call: ApiCall, answer: ErrorResponse): FactoryError {
  const { status, headers } = answer;
  const said = parseServiceMessage(answer.body);
  // Cinder says 0 of every quota, which tells nobody when to come again.
  const retryAfterSeconds = readRetryAfter(headers) || undefined;
  const { type, retryable, hint } = classifyResponse(status, said, retryAfterSeconds !== undefined);
  const location = status < 400 ? readHeader(headers, 'location') : undefined;
  const words = location === undefined ? said.message || 'no reason given' : `it redirects to ${location}`;
  return new FactoryError(
    type,
    `${call.product} of cloud ${call.cloud} ${status >= 500 ? 'failed on' : 'refused'} ${formatCall(call)} (${status}): ${words}`,
    { status, retryable, retryAfterSeconds, hint, requestId: readRequestId(headers) },
  );
}

/** An error's code and text; connection attempts over several addresses fail with a list of errors. */
function describeCause(error: unknown): { code: string; text: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return describeCause(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', text: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, text: error.message || code };
}

/** Whether the connection was cut, as by a server that closed it while it was idle. */
export function isConnectionReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(describeCause(error).code);
}

/** The failure for a call that got no whole answer: refused, reset, unknown host, too slow, untrusted. */
export function transportError(call: ApiCall, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const { code, text } = describeCause(error);
  const untrusted = CERTIFICATE_CODES.test(code);
  const { host } = new URL(call.url);
  return new FactoryError(
    'CloudUnavailable',
    `${call.product} of cloud ${call.cloud} did not answer ${formatCall(call)} at ${host}: ${text}`,
    {
      retryable: !untrusted,
      cause: error,
      hint: untrusted
        ? 'set cacert (OS_CACERT) to the certificate authority of the cloud; insecure (OS_INSECURE) trusts anybody'
        : undefined,
    },
  );
}

/** The failure for a success whose content is not what the API documents, as from a proxy's own page. */
export function contentError(call: ApiCall, what: string, headers?: ErrorResponse['headers']): FactoryError {
  return new FactoryError(
    'CloudUnavailable',
    `${call.product} of cloud ${call.cloud} answered ${formatCall(call)} with something else than its API documents: ${what}`,
    { retryable: true, requestId: headers === undefined ? undefined : readRequestId(headers) },
  );
}
