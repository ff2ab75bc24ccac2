import { FactoryError, type FactoryErrorOptions } from '../domain/errors.js';
import { redactUrl } from './urls.js';

/** Statuses besides 5xx that pass by themselves. */
const TRANSIENT_STATUSES = new Set([408, 425, 429]);

/** Codes of TLS, of system and of undici (a proxy's 407, too) for which another try is useless. */
const TLS_CODES = /^(ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_SSL_)/;
const PERMANENT_CODES = /^(ENOTFOUND|UND_ERR_INVALID_ARG|ERR_INVALID_URL)/;

const REASONS: Partial<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be resolved now',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the transfer stalled',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the server sent less than it announced',
};

const HINTS = {
  missing: 'see that the address is right and that the file is still there',
  denied: 'see whether the server wants a user and password, or another address',
  host: 'see that the address is right, and that the worker can resolve and reach it (http_proxy, https_proxy)',
  tls: 'see that the worker trusts the certificate authority of the server (NODE_EXTRA_CA_CERTS)',
};

/** MediaUnavailable: "cannot fetch <address>: <why>". */
export function mediaUnavailableError(url: string, why: string, options: FactoryErrorOptions = {}): FactoryError {
  return new FactoryError('MediaUnavailable', `cannot fetch ${redactUrl(url)}: ${why}`, options);
}

/** The failure that a status other than 2xx is. */
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

/** The failure that an FTP server's reply of 4xx or 5xx is (RFC 959, section 4.2); the last line of its text is told. */
export function ftpReplyError(url: string, code: number, text: string): FactoryError {
  const retryable = code < 500;
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return mediaUnavailableError(url, `FTP reply ${JSON.stringify(line.slice(0, 200))}`, {
    retryable,
    hint: retryable ? undefined : code === 530 ? HINTS.denied : HINTS.missing,
  });
}

/** `Retry-After`: seconds or a date (RFC 9110, section 10.2.3). */
function parseRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}

/** The failure that an error of the connection or of the transfer is. */
export function toMediaError(url: string, error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const code = readInnermostError(error).code ?? '';
  const isTls = TLS_CODES.test(code);
  const retryable = !isTls && !PERMANENT_CODES.test(code);
  return mediaUnavailableError(url, describeTransferError(error), {
    retryable,
    cause: error,
    hint: isTls ? HINTS.tls : HINTS.host,
  });
}

/** Why the connection or the transfer failed, in words. */
export function describeTransferError(error: unknown): string {
  const { code, message } = readInnermostError(error);
  return REASONS[code ?? ''] ?? message;
}

/** A failure to connect to several addresses of a name is an AggregateError: the first tells enough. */
function readInnermostError(error: unknown): { code?: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return readInnermostError(error.errors[0]);
  if (!(error instanceof Error)) return { message: String(error) };
  return { code: (error as NodeJS.ErrnoException).code, message: error.message };
}
