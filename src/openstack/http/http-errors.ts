import { type ErrorType, FactoryError } from '../../domain/errors.js';

/** Which call of which service an error is about. Never holds a token or a body. */
export interface CallName {
  /** The service's own name: Keystone, Nova, Glance, Neutron, Cinder. */
  product: string;
  cloud: string;
  method: string;
  url: string;
}

/** An answer that is not a success. */
export interface Refusal {
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
const ECHOED = /(?![0-9a-fA-F]{64,}(?![A-Za-z0-9+/]))[A-Za-z0-9+/]{64,}={0,2}/g;

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
export function callText({ method, url }: Pick<CallName, 'method' | 'url'>): string {
  return `${method} ${new URL(url).pathname}`;
}

function header(headers: Refusal['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** OpenStack's id of a request, under either of the names that services use. */
export function readRequestId(headers: Refusal['headers']): string | undefined {
  return header(headers, 'x-openstack-request-id') ?? header(headers, 'x-compute-request-id');
}

/** Seconds of `Retry-After`, which is a number of seconds or a date (RFC 9110, 10.2.3). */
export function readRetryAfter(headers: Refusal['headers'], now = Date.now()): number | undefined {
  const text = header(headers, 'retry-after')?.trim();
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
function fromJson(document: unknown): ServiceMessage | undefined {
  if (typeof document === 'string') return { message: document };
  if (!isRecord(document)) return undefined;
  if (Array.isArray(document['errors'])) return fromJson(document['errors'][0]);
  const message = document['message'] ?? document['detail'] ?? document['title'];
  if (typeof message === 'string') {
    return typeof document['type'] === 'string' ? { message, type: document['type'] } : { message };
  }
  if (isRecord(message)) return fromJson(message);
  const inner = Object.values(document).find((value) => isRecord(value) || typeof value === 'string');
  return inner === undefined ? undefined : fromJson(inner);
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&', nbsp: ' ', '#x27': "'", '#39': "'" };

function plain(html: string): string {
  return html.replace(/&(#?\w+);/g, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole);
}

function fromHtml(page: string): string {
  const body = /<body[^>]*>([\s\S]*)/i.exec(page)?.[1] ?? page;
  const withoutTitle = body.replace(/<h1>[\s\S]*?<\/h1>/gi, ' ').replace(/<[^>]*>/g, ' ');
  return plain(withoutTitle.trim() === '' ? body.replace(/<[^>]*>/g, ' ') : withoutTitle);
}

/** What the service itself says, as one line. */
export function parseServiceMessage(body: string): ServiceMessage {
  const found = parseJson(body) ?? { message: body.includes('<') ? fromHtml(body) : body };
  // Glance puts bits of HTML into JSON as well; other angle brackets belong to the message.
  const line = found.message
    .replace(/<br\s*\/?>|\s+/g, ' ')
    .replace(ECHOED, '…')
    .trim()
    .replace(/\s+/g, ' ');
  return { ...found, message: line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line };
}

function parseJson(body: string): ServiceMessage | undefined {
  try {
    return fromJson(JSON.parse(body));
  } catch {
    return undefined;
  }
}

interface Class {
  type: ErrorType;
  retryable?: boolean;
  hint?: string;
}

const QUOTA: Class = {
  type: 'QuotaExceeded',
  retryable: true,
  hint: 'free something in the project, or ask the cloud’s operators for a larger quota',
};

function isQuota({ message, type }: ServiceMessage): boolean {
  if (type !== undefined && NEUTRON_SHORTAGES.includes(type)) return true;
  return /quota\b.*\bexceeded|(exceeded|exceeds)\b.*\bquota|over quota|is over limit of/i.test(message);
}

/** Cinder, and Nova in its words, say 400 of a volume that is not in a state for what is asked. */
function isStateOfVolume({ message }: ServiceMessage): boolean {
  return /Invalid volume: .*\b(status must be|not allowed for volumes in)\b/i.test(message);
}

/** Cinder says as of a quota that one volume is larger than any may be; that does not pass. */
function isTooLarge({ message }: ServiceMessage): boolean {
  return /is larger than maximum allowed limit/i.test(message);
}

/** The class of a refusal, by status first and by the service's type or words only where one status means two things. */
function classifyRefusal(status: number, said: ServiceMessage, hasRetryAfter: boolean): Class {
  if (status === 401) {
    return {
      type: 'AuthenticationFailed',
      hint: 'see that the credentials of this cloud are right and have not expired',
    };
  }
  if (status === 413 && isTooLarge(said)) return { type: 'BadRequest' };
  if ([400, 403, 409, 413].includes(status) && isQuota(said)) return QUOTA;
  if (status === 400 && isStateOfVolume(said)) return { type: 'Conflict' };
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
export function refusalError(call: CallName, answer: Refusal): FactoryError {
  const { status, headers } = answer;
  const said = parseServiceMessage(answer.body);
  // Cinder says 0 of every quota, which tells nobody when to come again.
  const retryAfterSeconds = readRetryAfter(headers) || undefined;
  const { type, retryable, hint } = classifyRefusal(status, said, retryAfterSeconds !== undefined);
  const location = status < 400 ? header(headers, 'location') : undefined;
  const words = location === undefined ? said.message || 'no reason given' : `it redirects to ${location}`;
  return new FactoryError(
    type,
    `${call.product} of cloud ${call.cloud} ${status >= 500 ? 'failed on' : 'refused'} ${callText(call)} (${status}): ${words}`,
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
export function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(describeCause(error).code);
}

/** The failure for a call that got no whole answer: refused, reset, unknown host, too slow, untrusted. */
export function transportError(call: CallName, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const { code, text } = describeCause(error);
  const untrusted = CERTIFICATE_CODES.test(code);
  const { host } = new URL(call.url);
  return new FactoryError(
    'CloudUnavailable',
    `${call.product} of cloud ${call.cloud} did not answer ${callText(call)} at ${host}: ${text}`,
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
export function contentError(call: CallName, what: string, headers?: Refusal['headers']): FactoryError {
  return new FactoryError(
    'CloudUnavailable',
    `${call.product} of cloud ${call.cloud} answered ${callText(call)} with something else than its API documents: ${what}`,
    { retryable: true, requestId: headers === undefined ? undefined : readRequestId(headers) },
  );
}
