import { type ErrorType, FactoryError } from '../domain/errors.js';

/** Identifies an API call in error messages. Contains neither a token nor a body. */
export interface ApiCall {
  /** The service, as messages name it: `Glance of cloud demo`, `registry registry.example.org`. */
  service: string;
  method: string;
  url: string;
}

/** A response whose status is not 2xx. */
export interface ErrorResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Maximum number of characters of a service's message that we pass on. */
const LONGEST_MESSAGE = 600;

/**
 * Matches base64 that a service repeats from the request; we remove it from the message. Nova quotes the user data that
 * it rejects, and an install script may contain passwords. The pattern does not match digests, because they are
 * hexadecimal.
 */
const ECHOED_BASE64 = /(?![0-9a-fA-F]{64,}(?![A-Za-z0-9+/]))[A-Za-z0-9+/]{64,}={0,2}/g;

/** Neutron's error types for a resource that is used up now and may become free later. */
const NEUTRON_SHORTAGES = [
  'OverQuota',
  'IpAddressGenerationFailure',
  'IpAddressGenerationFailureAllSubnets',
  'ExternalIpAddressExhausted',
];

/** Error codes of certificates that we do not trust: a retry does not help. */
const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT|ERR_SSL_|HOSTNAME_MISMATCH)/;

/**
 * What code that never reached the network throws, by its code: `ERR_INVALID_CHAR` for a header, `ERR_INVALID_URL`,
 * `UND_ERR_INVALID_ARG`, and the headers that undici does not send.
 */
const DEFECT_CODES =
  /^(ERR_INVALID_|ERR_HTTP_INVALID_|ERR_HTTP_HEADERS_SENT|ERR_MISSING_ARGS|ERR_UNESCAPED_CHARACTERS|ERR_OUT_OF_RANGE|UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED)/;

/** What runtimes throw for a connection, and say without a code. */
const NETWORK_WORDS = /terminated|other side closed|fetch failed|socket|network|connection|aborted|time(d )?out/i;

/** Formats a call as `GET /v2.1/servers/x`; omits the query, which can be long. */
function formatCall({ method, url }: Pick<ApiCall, 'method' | 'url'>): string {
  return `${method} ${new URL(url).pathname}`;
}

/** Formats the target of a redirection, without what may be a permission: a presigned address has it in its query. */
function formatTarget(location: string, { url }: Pick<ApiCall, 'url'>): string {
  if (!URL.canParse(location, url)) return location.replace(/[?#].*$/s, '');
  const { protocol, host, pathname } = new URL(location, url);
  return `${protocol}//${host}${pathname}`;
}

function readHeader(headers: ErrorResponse['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The headers in which services send the id of a request: two of OpenStack, then Amazon's, Google's, Microsoft's. */
const REQUEST_ID_HEADERS = [
  'x-openstack-request-id',
  'x-compute-request-id',
  'x-amz-request-id',
  'x-guploader-uploadid',
  'x-ms-request-id',
];

function readRequestId(headers: ErrorResponse['headers']): string | undefined {
  return REQUEST_ID_HEADERS.map((name) => readHeader(headers, name)).find((id) => id !== undefined);
}

/**
 * Reads the header `Retry-After`, and returns seconds; the header has a number of seconds or a date (RFC 9110, 10.2.3).
 */
export function readRetryAfter(headers: ErrorResponse['headers'], now = Date.now()): number | undefined {
  const text = readHeader(headers, 'retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

interface ServiceMessage {
  message: string;
  /** Neutron's error type. */
  type?: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Finds the message in a JSON error document. Keystone: `{"error": {"message"}}`; Nova and Cinder:
 * `{"itemNotFound": {"message"}}`, where the key is the kind of error; Neutron: `{"NeutronError": {"type",
 * "message"}}`; older WSGI layers: `{"message"}`; Placement and newer services: `{"errors": [{"detail"}]}`. Load
 * balancers and Glance send HTML instead: see {@link readHtmlText}.
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

/** Reads the service's own message from an error body, as one line. */
export function parseServiceMessage(body: string): ServiceMessage {
  const found = parseJsonMessage(body) ?? { message: body.includes('<') ? readHtmlText(body) : body };
  // Glance writes `<br>` into JSON as well. We remove only that tag: other angle brackets belong to the message.
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
  hint: 'delete unused resources of the project, or ask the cloud’s operators for a larger quota',
};

function isQuota({ message, type }: ServiceMessage): boolean {
  if (type !== undefined && NEUTRON_SHORTAGES.includes(type)) return true;
  return /quota\b.*\bexceeded|(exceeded|exceeds)\b.*\bquota|over quota|is over limit of/i.test(message);
}

/**
 * Checks whether the volume's state does not allow the call. Cinder answers 400 then, and Nova passes Cinder's message
 * on.
 */
function isInvalidVolumeState({ message }: ServiceMessage): boolean {
  return /Invalid volume: .*\b(status must be|not allowed for volumes in)\b/i.test(message);
}

/**
 * Checks whether the volume is larger than Cinder allows. Cinder answers 413 then, as for a used-up quota, but a retry
 * never succeeds.
 */
function isTooLarge({ message }: ServiceMessage): boolean {
  return /is larger than maximum allowed limit/i.test(message);
}

/** Chooses the error class by the status. Where one status has two meanings, the service's type or message decides. */
function classifyResponse(status: number, said: ServiceMessage, hasRetryAfter: boolean): ErrorClass {
  if (status === 401) {
    return {
      type: 'AuthenticationFailed',
      hint: 'check that the credentials are correct and have not expired',
    };
  }
  if (status === 413 && isTooLarge(said)) return { type: 'BadRequest' };
  if ([400, 403, 409, 413].includes(status) && isQuota(said)) return QUOTA;
  if (status === 400 && isInvalidVolumeState(said)) return { type: 'Conflict' };
  if (status === 403) return { type: 'Forbidden', hint: 'the role of this user does not allow this' };
  if (status === 404 || status === 410) return { type: 'NotFound' };
  if (status === 409) return { type: 'Conflict' };
  // Glance and Cinder answer 413 when one of their quotas is used up. Older Nova releases answer 413, with
  // `Retry-After`, when there are too many calls.
  if (status === 413 && !hasRetryAfter) return QUOTA;
  if (status === 413 || status === 429) return { type: 'RateLimited', retryable: true };
  if (status === 408 || (status >= 500 && status !== 501)) return { type: 'CloudUnavailable', retryable: true };
  if (status >= 300 && status < 400) {
    return { type: 'BadRequest', hint: 'check that the endpoint is the URL of the service itself' };
  }
  return { type: 'BadRequest' };
}

/** Creates the error for a response whose status is not 2xx. */
export function responseError(call: ApiCall, answer: ErrorResponse): FactoryError {
  const { status, headers } = answer;
  const said = parseServiceMessage(answer.body);
  // Cinder sends `Retry-After: 0` with every quota error. We ignore it, because it does not say when to try again.
  const retryAfterSeconds = readRetryAfter(headers) || undefined;
  const { type, retryable, hint } = classifyResponse(status, said, retryAfterSeconds !== undefined);
  const verb = status >= 500 ? 'failed on' : 'refused';
  const location = status < 400 ? readHeader(headers, 'location') : undefined;
  const words =
    location === undefined ? said.message || 'it gave no reason' : `it redirects to ${formatTarget(location, call)}`;
  return new FactoryError(type, `${call.service} ${verb} ${formatCall(call)} (${status}): ${words}`, {
    status,
    retryable,
    retryAfterSeconds,
    hint,
    requestId: readRequestId(headers),
  });
}

/** Reads an error's code and text. If connections to several addresses failed, reads the first of the errors. */
function describeCause(error: unknown): { code: string; text: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return describeCause(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', text: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, text: error.message || code };
}

/** Checks whether the connection was reset, for example by a server that closed an idle connection. */
export function isConnectionReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(describeCause(error).code);
}

/**
 * Checks whether a failure is a defect of ours or of the configuration, such as a header that cannot be sent. It then
 * fails in the same way for ever. In doubt, it is one of the network, which passes.
 */
function isDefect(error: unknown, code: string, text: string): boolean {
  if (DEFECT_CODES.test(code)) return true;
  if (code !== '' || !(error instanceof Error)) return false;
  // `fetch` throws a TypeError for every lost connection, and has its reason as the cause.
  if (error.cause instanceof Error || NETWORK_WORDS.test(text)) return false;
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
}

/**
 * Creates the error for a call without a complete response: the connection was refused or reset, the host is unknown,
 * the server is too slow, or its certificate is not trusted. A call that could not even be sent is `Internal`.
 */
export function transportError(call: ApiCall, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const { code, text } = describeCause(error);
  const untrusted = CERTIFICATE_CODES.test(code);
  const { host } = new URL(call.url);
  if (isDefect(error, code, text)) {
    const message = `${call.service} cannot be asked ${formatCall(call)} at ${host}: ${text}`;
    return new FactoryError('Internal', message, { cause: error });
  }
  return new FactoryError(
    'CloudUnavailable',
    `${call.service} did not answer ${formatCall(call)} at ${host}: ${text}`,
    {
      retryable: !untrusted,
      cause: error,
      hint: untrusted
        ? 'name the certificate authority of the service: cacert (OS_CACERT) of a cloud, `ca` of a provider; insecure (OS_INSECURE) turns the check off'
        : undefined,
    },
  );
}

/** Creates the error for a 2xx response whose content is not what the API documents, such as a proxy's own page. */
export function contentError(call: ApiCall, what: string, headers?: ErrorResponse['headers']): FactoryError {
  return new FactoryError(
    'CloudUnavailable',
    `${call.service} answered ${formatCall(call)} with a response that its API does not document: ${what}`,
    { retryable: true, requestId: headers === undefined ? undefined : readRequestId(headers) },
  );
}
