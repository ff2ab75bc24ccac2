import type { Readable } from 'node:stream';
import { z } from 'zod';
import { asRetryable, FactoryError } from '../../domain/errors.js';
import { decode } from '../../http/decode.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../http/http.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation } from '../types.js';
import type { Login } from './login.js';
import { expectSafeAddress } from './safe-address.js';
import { vapiError } from './vapi-errors.js';

const SESSION_HEADER = 'vmware-api-session-id';
/** Statuses whose body says in vAPI's own words what is wrong. A busy resource is a 500. */
const ERRORS = [400, 401, 403, 404, 409, 500];

/** A call of vCenter's REST API. */
export interface VapiCall {
  method: HttpRequest['method'];
  /** Below `/api`: `/content/library`. */
  path: string;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
  /** Makes a creation idempotent: the second call with the same token returns what the first has made. */
  clientToken?: string;
  /** The privilege that the call needs, for the hint when it is missing. */
  privilege?: string;
}

/**
 * vCenter's REST API, with a session that starts with the first call and is made anew when vCenter has ended it. A call
 * that fails in a way that passes is sent again: use it only for calls that are safe to run twice.
 */
export class VapiClient {
  private session: Promise<string> | undefined;

  constructor(
    private readonly http: HttpClient,
    /** The address, without a slash at its end. */
    readonly server: string,
    /** The service in messages. */
    private readonly product: string,
    private readonly readLogin: () => Promise<Login>,
  ) {}

  /** Sends a call, and reads the answer. @throws FactoryError as the interface Provider says */
  async call<T>(operation: Operation, call: VapiCall, schema: z.ZodType<T>): Promise<T> {
    const { request, response } = await this.send(operation, call);
    return decode(this.http.toApiCall(request), schema, response.body);
  }

  /** As {@link call}, for calls whose answer is empty. */
  async run(operation: Operation, call: VapiCall): Promise<void> {
    await this.send(operation, call);
  }

  /** Sends a file to an address that vCenter has named. It is sent once. Only vCenter itself is given the session. */
  async put(operation: Operation, url: string, size: number, body: Readable): Promise<void> {
    try {
      expectSafeAddress(url);
      // A vCenter may take uploads at another port of its own. Both addresses are https, or loopback.
      const isOwn = new URL(url).hostname === new URL(this.server).hostname;
      const session: Record<string, string> = isOwn ? { [SESSION_HEADER]: await this.openSession() } : {};
      const headers = { ...session, 'content-length': String(size) };
      await this.http.upload({ product: this.product, method: 'PUT', url, headers, body, signal: operation.signal });
    } catch (error) {
      // The update session has ended: the next one has another address.
      if (error instanceof FactoryError && ['NotFound', 'Conflict'].includes(error.type)) throw asRetryable(error);
      throw error;
    } finally {
      body.destroy();
    }
  }

  /** Ends the session. */
  async logout(): Promise<void> {
    const session = await this.session?.catch(() => undefined);
    this.session = undefined;
    if (session === undefined) return;
    await this.http
      .send({ ...this.build({ method: 'DELETE', path: '/session' }), headers: { [SESSION_HEADER]: session } })
      .catch(() => undefined);
  }

  private send(operation: Operation, call: VapiCall): Promise<{ request: HttpRequest; response: HttpResponse }> {
    return retryPart(operation, async () => {
      const opened = this.session;
      try {
        return await this.sendOnce(operation, call);
      } catch (error) {
        // vCenter ends a session that was idle for some minutes, and every session when it restarts.
        const isOld = opened !== undefined && error instanceof FactoryError && error.type === 'AuthenticationFailed';
        if (!isOld) throw error;
        if (this.session === opened) this.session = undefined;
        return await this.sendOnce(operation, call);
      }
    });
  }

  private async sendOnce(
    operation: Operation,
    call: VapiCall,
  ): Promise<{ request: HttpRequest; response: HttpResponse }> {
    const session = await this.openSession();
    const { signal } = operation;
    const built = this.build(call);
    const request = { ...built, signal, headers: { ...built.headers, [SESSION_HEADER]: session } };
    return { request, response: await this.perform(request, call.privilege) };
  }

  private async perform(request: HttpRequest, privilege?: string): Promise<HttpResponse> {
    const response = await this.http.send(request, ERRORS);
    if (response.status >= 400) throw vapiError(this.http.toApiCall(request), response, privilege);
    return response;
  }

  private build({ method, path, query = {}, body, clientToken }: VapiCall): HttpRequest {
    const search = new URLSearchParams(query).toString();
    const url = `${this.server}/api${path}${search === '' ? '' : `?${search}`}`;
    const headers: Record<string, string> = clientToken === undefined ? {} : { 'client-token': clientToken };
    if (body === undefined) return { product: this.product, method, url, headers };
    headers['content-type'] = 'application/json';
    return { product: this.product, method, url, headers, body: JSON.stringify(body) };
  }

  /** All operations share the session, so no signal of one of them stops the login. */
  private openSession(): Promise<string> {
    this.session ??= this.login().catch((error: unknown) => {
      this.session = undefined;
      throw error;
    });
    return this.session;
  }

  private async login(): Promise<string> {
    const { user, password } = await this.readLogin();
    const built = this.build({ method: 'POST', path: '/session' });
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const request = { ...built, headers: { ...built.headers, authorization } };
    const response = await this.perform(request);
    return decode(this.http.toApiCall(request), z.string().min(1), response.body);
  }
}
