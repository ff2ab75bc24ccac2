import { FactoryError, type FactoryErrorOptions } from '../domain/errors.js';
import { redactUrl } from './urls.js';

/** HTTP statuses, besides 5xx, for which a retry can succeed. */
const TRANSIENT_STATUSES = new Set([408, 425, 429]);

/**
 * Error codes of TLS, of the system and of undici for which a retry is useless. undici uses UND_ERR_INVALID_ARG also
 * when a proxy answers 407.
 */
const TLS_CODES = /^(ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_SSL_)/;
const PERMANENT_CODES = /^(ENOTFOUND|UND_ERR_INVALID_ARG|ERR_INVALID_URL|ERR_ADDRESS_DENIED)/;
const ADDRESS_DENIED = 'ERR_ADDRESS_DENIED';

const REASONS: Partial<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'the server did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'the transfer stalled',
  UND_ERR_SOCKET: 'the connection was closed early',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the server sent a different number of bytes than it announced',
};

const HINTS = {
  missing: 'check that the URL is correct and that the file still exists',
  denied: 'check whether the server needs a user and a password, or another URL',
  host: 'check that the URL is correct, and that the worker can resolve and reach the host (http_proxy, https_proxy)',
  address:
    'use a URL of another host; the worker’s operator can open addresses: imagefactory worker --allow-address CIDR ' +
    '(allow_addresses, IMAGEFACTORY_ALLOW_ADDRESSES)',
  tls: 'check that the worker trusts the certificate authority of the server (NODE_EXTRA_CA_CERTS)',
};

/** Creates the error MediaUnavailable: "cannot fetch <URL>: <why>". */
export function mediaUnavailableError(url: string, why: string, options: FactoryErrorOptions = {}): FactoryError {
  return new FactoryError('MediaUnavailable', `cannot fetch ${redactUrl(url)}: ${why}`, options);
}

/**
 * Creates the error for a response whose status is not 2xx.
 * @param answeredBy URL that answered, after redirects
 */
export function httpStatusError(
  url: string,
  status: number,
  retryAfter: string | undefined,
  answeredBy: string,
): FactoryError {
  const retryable = status >= 500 || TRANSIENT_STATUSES.has(status);
  const by = new URL(answeredBy).href === new URL(url).href ? '' : ` from ${redactUrl(answeredBy)}`;
  const hint = status === 401 || status === 403 ? HINTS.denied : HINTS.missing;
  return mediaUnavailableError(url, `HTTP status ${status}${by}`, {
    status,
    retryable,
    retryAfterSeconds: retryable ? parseRetryAfter(retryAfter) : undefined,
    hint: retryable ? undefined : hint,
  });
}

/** Creates the error for an FTP reply 4xx or 5xx (RFC 959, section 4.2), with the last line of the reply's text. */
export function ftpReplyError(url: string, code: number, text: string): FactoryError {
  const retryable = code < 500;
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return mediaUnavailableError(url, `FTP reply ${JSON.stringify(line.slice(0, 200))}`, {
    retryable,
    hint: retryable ? undefined : code === 530 ? HINTS.denied : HINTS.missing,
  });
}

/** Converts the header `Retry-After` to seconds. The header has seconds or a date (RFC 9110, section 10.2.3). */
function parseRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}

/**
 * Creates the error for a connection to a denied address, which the worker refuses to make. `toMediaError` converts
 * this error for users.
 */
export function addressDeniedError(host: string, addresses: readonly string[]): Error {
  const found = addresses.join(', ');
  const rule = 'templates may not use loopback, link-local, metadata, multicast and broadcast addresses';
  const why = found === host ? rule : `${host} has the address ${found}: ${rule}`;
  return Object.assign(new Error(why), { code: ADDRESS_DENIED });
}

/** Converts an error of the connection or of the transfer into a FactoryError. */
export function toMediaError(url: string, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const code = readInnermostError(error).code ?? '';
  const isTls = TLS_CODES.test(code);
  const retryable = !isTls && !PERMANENT_CODES.test(code);
  return mediaUnavailableError(url, describeTransferError(error), {
    retryable,
    cause: error,
    hint: isTls ? HINTS.tls : code === ADDRESS_DENIED ? HINTS.address : HINTS.host,
  });
}

/** Describes in words why the connection or the transfer failed. */
export function describeTransferError(error: unknown): string {
  const { code, message } = readInnermostError(error);
  return REASONS[code ?? ''] ?? message;
}

/**
 * Returns code and message of an error. If we cannot connect to any of several IP addresses of a host, the error is an
 * AggregateError: then we take its first error.
 */
function readInnermostError(error: unknown): { code?: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return readInnermostError(error.errors[0]);
  if (!(error instanceof Error)) return { message: String(error) };
  return { code: (error as NodeJS.ErrnoException).code, message: error.message };
}
