import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { FactoryError, asRetryable } from '../../domain/errors.js';
import { selectEndpoint, findEndpoint, type ServiceType } from './catalog.js';
import { decode } from '../../http/decode.js';
import type { HttpResponse, HttpRequest } from '../../http/http.js';
import type { Session, Token } from './keystone-session.js';

/** Query parameters. A list is sent as several parameters of the same name; undefined values are left out. */
export type Query = Record<string, string | string[] | undefined>;

export interface ServiceCall {
  method: HttpRequest['method'];
  /** Path below the API version, such as `/servers`, with its parts already percent-encoded. */
  path: string;
  query?: Query | URLSearchParams;
  headers?: Record<string, string>;
  /** The body, which we send as JSON. Unset when the call has no body. */
  json?: unknown;
  signal?: AbortSignal;
}

/**
 * Maximum number of pages of a list that we read. If there are more pages, the service's list is broken and never ends.
 */
const MOST_PAGES = 1000;

function toSearchParams(query: Query): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value ?? []].flat()) parameters.append(name, one);
  }
  return parameters;
}

/**
 * Builds the URL of an API version from an endpoint. If the path of the endpoint already has a version and a project,
 * we replace both.
 */
export function buildVersionedEndpoint(endpoint: string, version: string): string {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/v\d+(\.\d+)?(\/.*)?$/, '').replace(/\/+$/, '');
  return `${url.origin}${path}/${version}`;
}

/**
 * Calls one service with the session's token; when the service rejects the token, repeats the call once with a new
 * token.
 */
export class ServiceClient {
  constructor(
    private readonly session: Session,
    readonly type: ServiceType,
    /** The name of the service's project, for messages, such as `Nova`. */
    readonly product: string,
    /** Start of every path: the API version, such as `v2.1`, and `{project_id}` if the API needs the project. */
    private readonly version: string,
  ) {}

  /** Builds the HTTP request of a call, with the token. */
  private buildRequest(token: Token, call: ServiceCall): HttpRequest {
    const version = this.version.replace('{project_id}', token.projectId);
    const base = buildVersionedEndpoint(selectEndpoint(token.catalog, this.type, this.session.settings), version);
    const query = call.query instanceof URLSearchParams ? call.query : toSearchParams(call.query ?? {});
    const hasBody = call.json !== undefined;
    return {
      product: this.product,
      method: call.method,
      url: `${base}${call.path}${query.size === 0 ? '' : `?${query.toString()}`}`,
      headers: {
        'x-auth-token': token.id,
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...call.headers,
      },
      ...(hasBody ? { body: JSON.stringify(call.json) } : {}),
      signal: call.signal,
    };
  }

  /** Whether the catalogue has this service for our region and interface. */
  async isAvailable(signal: AbortSignal | undefined): Promise<boolean> {
    const { catalog } = await this.session.token(signal);
    return findEndpoint(catalog, this.type, this.session.settings) !== undefined;
  }

  /**
   * Runs `use` with a request that carries a token. If the service rejects the token, runs `use` again with a request
   * that carries a new token.
   */
  async withToken<T>(call: ServiceCall, use: (request: HttpRequest) => Promise<T>): Promise<T> {
    const token = await this.session.token(call.signal);
    try {
      return await use(this.buildRequest(token, call));
    } catch (error) {
      if (!(error instanceof FactoryError) || error.status !== 401) throw error;
      return use(this.buildRequest(await this.session.renew(token, call.signal), call));
    }
  }

  /** Sends a call whose response body we do not need. */
  async send(call: ServiceCall): Promise<HttpResponse> {
    return this.withToken(call, (request) => this.session.http.send(request));
  }

  /**
   * Sends a body that can be read only once. A rejected token therefore fails the call; the error is retryable, because
   * the caller can try again with a new stream and the new token.
   */
  async sendStream(call: ServiceCall, body: Readable): Promise<void> {
    const token = await this.session.token(call.signal);
    try {
      await this.session.http.upload({ ...this.buildRequest(token, call), body });
    } catch (error) {
      if (!(error instanceof FactoryError) || error.status !== 401) throw error;
      // If the credentials are no longer valid, `renew` throws an error that says so.
      await this.session.renew(token, call.signal);
      throw asRetryable(error);
    }
  }

  /** Sends a call and reads its JSON response. */
  async requestJson<T>(call: ServiceCall, schema: z.ZodType<T>): Promise<T> {
    return this.withToken(call, async (request) => {
      const { body } = await this.session.http.send(request);
      return decode(this.session.http.toApiCall(request), schema, body);
    });
  }

  /** Like `requestJson`, but returns undefined when the service answers that the resource does not exist. */
  async find<T>(call: ServiceCall, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await this.requestJson(call, schema);
    } catch (error) {
      if (error instanceof FactoryError && error.type === 'NotFound') return undefined;
      throw error;
    }
  }

  /** Deletes a resource; succeeds if it is gone already. */
  async remove(path: string, signal: AbortSignal | undefined, headers?: Record<string, string>): Promise<void> {
    try {
      await this.send({ method: 'DELETE', path, signal, headers });
    } catch (error) {
      if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
    }
  }

  /**
   * Reads all pages of a list.
   * @param read returns the items of a page, and the URL of the next page if there is one
   */
  async list<P, T>(
    call: Omit<ServiceCall, 'method'>,
    schema: z.ZodType<P>,
    read: (page: P) => { items: T[]; next: string | undefined },
  ): Promise<T[]> {
    const all: T[] = [];
    let query = call.query;
    let before: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const { items, next } = read(await this.requestJson({ ...call, method: 'GET', query }, schema));
      all.push(...items);
      if (next === undefined || items.length === 0) return all;
      if (next === before) break;
      before = next;
      // We use only the query of the link: behind a proxy, the host in the link is often not reachable from here.
      query = new URL(next, 'http://page').searchParams;
    }
    throw new FactoryError(
      'CloudUnavailable',
      `the list ${call.path} of ${this.product} never ends: the service returns page after page`,
    );
  }

  get http(): Session['http'] {
    return this.session.http;
  }
}
