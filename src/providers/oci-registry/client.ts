import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { responseError } from '../../http/http-errors.js';
import { HttpClient, type HttpResponse } from '../../http/http.js';
import type { ProviderSettings } from '../types.js';
import { type Actions, parseChallenges, RegistryAuth } from './auth.js';
import { isLoopback, type RegistryConfiguration } from './configuration.js';
import { findCredentials } from './credentials.js';

/** A call to the registry. */
export interface RegistryCall {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path behind `/v2/REPOSITORY/`, or a whole URL that the registry has given for an upload. */
  to: string | URL;
  repository: string;
  headers?: Record<string, string>;
  body?: string;
  /** Makes the body of an upload; called again when the call has to be sent again. */
  stream?: () => Readable;
  signal: AbortSignal;
}

const ERRORS = z.looseObject({ errors: z.array(z.looseObject({ code: z.string() })) });

/** Reads the codes of the errors that a registry has answered: `BLOB_UPLOAD_UNKNOWN`. */
export function errorCodes(body: string): string[] {
  try {
    return ERRORS.parse(JSON.parse(body)).errors.map(({ code }) => code);
  } catch {
    return [];
  }
}

/** Reads a header that has one value. */
export function headerOf({ headers }: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The calls of the distribution specification, with their authorization. */
export class RegistryClient {
  /** The registry's host, with its port. */
  readonly host: string;
  /** Name of the user, as soon as it is known. */
  user: string | undefined;
  private readonly http: HttpClient;
  private readonly auth: RegistryAuth;
  private readonly base: URL;
  private readonly product: string;

  private constructor(settings: ProviderSettings<RegistryConfiguration>, ca: string | undefined) {
    this.base = new URL(settings.configuration.endpoint);
    this.host = this.base.host;
    this.product = `registry ${this.host}`;
    this.user = settings.configuration.user;
    this.http = new HttpClient('', ca === undefined ? {} : { ca });
    // A user may run `docker login` while the worker runs: credentials are looked up each time the registry asks.
    this.auth = new RegistryAuth(this.http, this.product, isLoopback(this.base.hostname), async () => {
      const found = await findCredentials(settings);
      this.user = found?.user;
      return found;
    });
  }

  static async create(settings: ProviderSettings<RegistryConfiguration>): Promise<RegistryClient> {
    const { ca } = settings.configuration;
    const certificates = ca === undefined ? undefined : await readCertificates(ca);
    return new RegistryClient(settings, certificates);
  }

  /**
   * Sends a call.
   *
   * @param accept statuses other than 2xx that are returned instead of thrown
   */
  async send(call: RegistryCall, accept: readonly number[] = []): Promise<HttpResponse> {
    const url = call.to instanceof URL ? call.to : new URL(`/v2/${call.repository}/${call.to}`, this.base);
    return this.sendTo(url, call, accept);
  }

  /** Asks whether there is a registry that takes the credentials. */
  async ping(signal: AbortSignal): Promise<HttpResponse> {
    return this.sendTo(new URL('/v2/', this.base), { method: 'GET', signal }, []);
  }

  /** Resolves the address in an answer: relative ones, and those that a proxy in front of the registry has spoiled. */
  resolveLocation(answer: HttpResponse): URL {
    const text = headerOf(answer, 'location') ?? '';
    const url = URL.canParse(text, this.base.href) ? new URL(text, this.base) : undefined;
    // Behind a proxy that ends TLS, a registry that is not told so names itself with http.
    const isSpoiled =
      url?.protocol === 'http:' && this.base.protocol === 'https:' && url.hostname === this.base.hostname;
    if (url !== undefined && (url.host === this.host || isSpoiled)) {
      return new URL(url.pathname + url.search, this.base);
    }
    if (url !== undefined && this.takesUpload(url)) return url;
    throw new FactoryError('BadRequest', `${this.product} sends an upload to an address without https`, {
      hint: 'tell the registry its own address (`http.host` of its configuration, or X-Forwarded-Proto of the proxy)',
    });
  }

  /** Whether bytes of an image may go to an address: through TLS, or on this machine if the registry is there. */
  takesUpload(address: string | URL): boolean {
    if (!URL.canParse(String(address))) return false;
    const { protocol, hostname } = new URL(address);
    return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname) && isLoopback(this.base.hostname));
  }

  close(): Promise<void> {
    return this.http.close();
  }

  private async sendTo(
    url: URL,
    call: Omit<RegistryCall, 'to' | 'repository'> & { repository?: string },
    accept: readonly number[],
  ): Promise<HttpResponse> {
    const { method, repository, signal, body, stream } = call;
    const actions = actionsOf(method);
    const isOwn = url.origin === this.base.origin;
    for (let tries = 1; ; tries++) {
      // Uploads may go to another host, with an address that is a permission of its own: it must not see a password.
      const authorization = isOwn ? this.auth.header(repository, actions) : undefined;
      const headers = { ...call.headers, ...(authorization === undefined ? {} : { authorization }) };
      const request = { product: this.product, method, url: url.href, headers, signal };
      const statuses = [401, ...accept];
      const answer = await (
        stream === undefined
          ? this.http.send({ ...request, ...(body === undefined ? {} : { body }) }, statuses)
          : this.http.upload({ ...request, body: stream() }, statuses)
      ).catch((error: unknown) => {
        throw repository === undefined ? error : explainRefusal(error, repository, actions);
      });
      if (answer.status !== 401) return answer;
      const challenges = parseChallenges(answer.headers['www-authenticate']);
      // A token that was accepted before may have ended: one new one.
      if (!isOwn || tries === 2) throw this.refusedError(request, answer, repository, actions);
      await this.auth.answer(challenges, repository, actions, authorization, signal);
    }
  }

  /** The error of a call that is refused with a token, or with a password that the registry knows. */
  private refusedError(
    request: { product: string; method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; url: string },
    answer: HttpResponse,
    repository: string | undefined,
    actions: Actions,
  ): FactoryError {
    const isBearer = parseChallenges(answer.headers['www-authenticate']).some(({ scheme }) => scheme === 'bearer');
    const error = responseError(this.http.toApiCall(request), answer);
    if (!isBearer || repository === undefined)
      return this.auth.refusal(this.user === undefined ? {} : { user: this.user });
    return forbiddenError(error, repository, actions);
  }
}

/** Tells a used-up quota from a missing permission: both are answered with 403. A proxy answers 413. */
function explainRefusal(error: unknown, repository: string, actions: Actions): unknown {
  if (!(error instanceof FactoryError)) return error;
  if (error.status === 413) {
    const advice = 'let the proxy in front of the registry take requests of any size (nginx: client_max_body_size 0)';
    return new FactoryError('BadRequest', error.message, { status: 413, hint: advice, cause: error });
  }
  if (error.status !== 403) return error;
  if (!/\b(quota|exceed)/i.test(error.message)) return forbiddenError(error, repository, actions);
  const { message, status, requestId } = error;
  const hint = 'delete images of the project in the registry, or ask its operators for a larger quota';
  return new FactoryError('QuotaExceeded', message, { status, requestId, hint, cause: error });
}

/** Names the permission that is missing. */
function forbiddenError(error: FactoryError, repository: string, actions: Actions): FactoryError {
  return new FactoryError('Forbidden', error.message, {
    status: error.status,
    requestId: error.requestId,
    cause: error,
    hint: `the user needs the permission \`${actions}\` for the repository ${repository}`,
  });
}

/** A push also reads with the permission to push: it is the one that the user has. */
function actionsOf(method: RegistryCall['method']): Actions {
  return method === 'DELETE' ? 'pull,delete' : 'pull,push';
}

async function readCertificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new FactoryError('InvalidParameter', `the certificates ${path} cannot be read: ${reason}`, { cause: error });
  }
}
