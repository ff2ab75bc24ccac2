import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { decode } from '../../http/decode.js';
import { HttpClient, type HttpRequest, type HttpResponse, type Tls } from '../../http/http.js';
import { raceAbort } from '../../http/race-abort.js';
import type { UserAndPassword } from './configuration.js';
import { API } from './schemas.js';

/** The answer to a sign-in: a token, or why there is none. */
const TOKEN = z.looseObject({
  access_token: z.string().min(1).optional(),
  error: z.string().optional(),
  error_description: z.string().optional(),
});

/** What the engine says when the user lacks a right. It answers most refusals with 409, and some with 400. */
const NOT_ALLOWED = /not authorized|insufficient permission|permission(s)? (is|are) (missing|required)/i;
const NO_SPACE = /low disk space|not enough (disk )?space|out of space/i;

/** The REST API of oVirt's engine: https://ovirt.github.io/ovirt-engine-api-model/ */
export class Engine {
  private token: Promise<string> | undefined;
  private readonly http: HttpClient;
  private readonly closing = new AbortController();

  constructor(
    /** The engine's address, without `/api`. */
    readonly url: string,
    private readonly user: UserAndPassword,
    tls: Tls,
  ) {
    this.http = new HttpClient('', tls);
  }

  /**
   * Reads something. Undefined when there is nothing.
   *
   * @throws FactoryError CloudUnavailable, retryable, when the 404 is not the engine's own
   */
  async get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T | undefined> {
    const request = this.build('GET', path, undefined, signal);
    const response = await this.send(request, [404]);
    if (response.status !== 404) return decode(this.http.toApiCall(request), schema, response.body);
    if (path !== '') await this.confirmApi(signal);
    return undefined;
  }

  /** Reads a list. @throws FactoryError CloudUnavailable, retryable, at a 404: a list without items is still a list */
  async list<T>(path: string, schema: z.ZodType<T[]>, signal?: AbortSignal): Promise<T[]> {
    const request = this.build('GET', path, undefined, signal);
    const response = await this.send(request, [404]);
    if (response.status === 404) throw noApiError(`${this.url}/api${path.replace(/\?.*$/, '')}`);
    return decode(this.http.toApiCall(request), schema, response.body);
  }

  /** Makes something. @returns what the engine has made */
  async create<T>(path: string, body: unknown, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    const request = this.build('POST', path, body, signal);
    const response = await this.send(request);
    return decode(this.http.toApiCall(request), schema, response.body);
  }

  async update(path: string, body: unknown, signal?: AbortSignal): Promise<void> {
    await this.send(this.build('PUT', path, body, signal));
  }

  /** Performs an action of a resource: `/imagetransfers/ID`, `finalize`. */
  async act(path: string, action: string, signal?: AbortSignal): Promise<void> {
    await this.send(this.build('POST', `${path}/${action}`, {}, signal));
  }

  /** Removes something. @returns false when it was not there */
  async remove(path: string, signal?: AbortSignal): Promise<boolean> {
    const { status } = await this.send(this.build('DELETE', path, undefined, signal), [404]);
    if (status !== 404) return true;
    await this.confirmApi(signal);
    return false;
  }

  /** A proxy before an engine that is down also answers 404. What it says must not count as "gone". */
  private async confirmApi(signal?: AbortSignal): Promise<void> {
    const api = await this.get('', API, signal);
    if (api?.product_info === undefined) throw noApiError(`${this.url}/api`);
  }

  /** Ends the session, so that none is left until it expires, and closes the connections. */
  async close(): Promise<void> {
    this.closing.abort(new Error('the connection to oVirt is closed'));
    const token = await this.token?.catch(() => undefined);
    if (token !== undefined) {
      await this.http
        .send(this.buildForm('/services/sso-logout', { scope: 'ovirt-app-api', token }))
        .catch(() => undefined);
    }
    await this.http.close();
  }

  private build(method: HttpRequest['method'], path: string, body: unknown, signal?: AbortSignal): HttpRequest {
    return {
      product: 'oVirt',
      method,
      url: `${this.url}/api${path}`,
      headers: { version: '4', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  private buildForm(path: string, fields: Record<string, string>, signal?: AbortSignal): HttpRequest {
    return {
      product: 'oVirt',
      method: 'POST',
      url: `${this.url}${path}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  /** Sends a call with the session's token, and signs in again once when the session has expired. */
  private async send(request: HttpRequest, accept: number[] = []): Promise<HttpResponse> {
    for (let tries = 1; ; tries++) {
      let session: Promise<string> | undefined;
      // The callers share the sign-in: when one of them is aborted, the others still get the token.
      const token = await raceAbort(request.signal, () => (session = this.signIn()));
      try {
        return await this.http.send(
          { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } },
          accept,
        );
      } catch (error) {
        if (!(error instanceof FactoryError)) throw error;
        if (error.status !== 401 || tries > 1) throw classify(error);
        // Other calls that ran at the same time may have signed in again already.
        if (this.token === session) this.token = undefined;
      }
    }
  }

  private signIn(): Promise<string> {
    if (this.token === undefined) {
      const token = this.requestToken();
      this.token = token;
      token.catch(() => {
        if (this.token === token) this.token = undefined;
      });
    }
    return this.token;
  }

  private async requestToken(): Promise<string> {
    const { username, password } = this.user;
    const fields = { grant_type: 'password', scope: 'ovirt-app-api', username, password };
    const request = this.buildForm('/sso/oauth/token', fields, this.closing.signal);
    // The engine says with 400 or 401, and some releases with 200, that the password is wrong.
    const response = await this.http.send(request, [400, 401, 403]);
    const answer = decode(this.http.toApiCall(request), TOKEN, response.body);
    if (answer.access_token !== undefined) return answer.access_token;
    const said = answer.error_description ?? answer.error ?? 'it gave no reason';
    throw new FactoryError('AuthenticationFailed', `oVirt refused the sign-in of ${username}: ${said}`, {
      status: response.status,
      hint: 'check user, profile (user@internal) and password, and that the account may sign in',
    });
  }
}

function noApiError(url: string): FactoryError {
  return new FactoryError('CloudUnavailable', `there is no API of oVirt at ${url}: it answers 404`, {
    status: 404,
    retryable: true,
    hint: 'see whether the engine runs, and whether a proxy before it answers in its place',
  });
}

/** Gives an error the class that the engine's words tell: one status of the engine has several meanings. */
function classify(error: FactoryError): FactoryError {
  const { message, status, requestId, retryAfterSeconds } = error;
  const details = { status, requestId, retryAfterSeconds, cause: error };
  if (status !== undefined && status < 500 && NOT_ALLOWED.test(message)) {
    return new FactoryError('Forbidden', message, {
      ...details,
      hint: 'give the user the role of docs/providers/ovirt.md on the storage domain and the cluster',
    });
  }
  if (status !== undefined && status < 500 && NO_SPACE.test(message)) {
    return new FactoryError('QuotaExceeded', message, {
      ...details,
      retryable: true,
      hint: 'make space on the storage domain, or name another one',
    });
  }
  // A resource that is locked by another action of the engine is free soon.
  if (status === 409 && /is (being )?locked|try again/i.test(message)) {
    return new FactoryError('Conflict', message, { ...details, retryable: true });
  }
  return error;
}
