import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { FactoryError, asRetryable } from '../../domain/errors.js';
import { selectEndpoint, findEndpoint, type ServiceType } from './catalog.js';
import { decode } from '../http/decode.js';
import type { HttpResponse, HttpRequest } from '../http/http.js';
import type { Session, Token } from './session.js';

/** Values of one name are sent as several; undefined ones are left out. */
export type Query = Record<string, string | string[] | undefined>;

export interface ServiceCall {
  method: HttpRequest['method'];
  /** Below the version, as `/servers`; its parts already encoded. */
  path: string;
  query?: Query | URLSearchParams;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  signal?: AbortSignal;
}

/** Pages that are followed at most; a list that never ends is a broken service. */
const MOST_PAGES = 1000;

function toSearchParams(query: Query): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value ?? []].flat()) parameters.append(name, one);
  }
  return parameters;
}

/** The address of an API version, given an endpoint with or without a version and a project in its path. */
export function buildVersionedEndpoint(endpoint: string, version: string): string {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/v\d+(\.\d+)?(\/.*)?$/, '').replace(/\/+$/, '');
  return `${url.origin}${path}/${version}`;
}

/** Calls of one service: they carry the session's token, and are repeated once with a fresh one when it is refused. */
export class ServiceClient {
  constructor(
    private readonly session: Session,
    readonly type: ServiceType,
    /** The service's own name, for messages. */
    readonly product: string,
    /** What the path begins with: the API version, as `v2.1`, and `{project_id}` where the API wants the project. */
    private readonly version: string,
  ) {}

  /** The call as an HTTP request with this token. */
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

  /** Whether the cloud has this service for us. */
  async isAvailable(signal: AbortSignal | undefined): Promise<boolean> {
    const { catalog } = await this.session.token(signal);
    return findEndpoint(catalog, this.type, this.session.settings) !== undefined;
  }

  /** Runs `use` with a request that carries a token; once more with a fresh one if the service refuses the first. */
  async withToken<T>(call: ServiceCall, use: (request: HttpRequest) => Promise<T>): Promise<T> {
    const token = await this.session.token(call.signal);
    try {
      return await use(this.buildRequest(token, call));
    } catch (error) {
      if (!(error instanceof FactoryError) || error.status !== 401) throw error;
      return use(this.buildRequest(await this.session.renew(token, call.signal), call));
    }
  }

  /** A call whose answer has nothing that we read. */
  async send(call: ServiceCall): Promise<HttpResponse> {
    return this.withToken(call, (request) => this.session.http.send(request));
  }

  /** A call with a body that can be read only once: a token that is refused fails it, so that it may be tried again with another. */
  async sendStream(call: ServiceCall, body: Readable): Promise<void> {
    const token = await this.session.token(call.signal);
    try {
      await this.session.http.upload({ ...this.buildRequest(token, call), body });
    } catch (error) {
      if (!(error instanceof FactoryError) || error.status !== 401) throw error;
      // Where we are not let in any more, this says so.
      await this.session.renew(token, call.signal);
      throw asRetryable(error);
    }
  }

  /** A call with a JSON answer. */
  async requestJson<T>(call: ServiceCall, schema: z.ZodType<T>): Promise<T> {
    return this.withToken(call, async (request) => {
      const { body } = await this.session.http.send(request);
      return decode(this.session.http.toApiCall(request), schema, body);
    });
  }

  /** Like json, but undefined when there is no such thing. */
  async find<T>(call: ServiceCall, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await this.requestJson(call, schema);
    } catch (error) {
      if (error instanceof FactoryError && error.type === 'NotFound') return undefined;
      throw error;
    }
  }

  /** Deletes; what is gone already is deleted. */
  async remove(path: string, signal: AbortSignal | undefined, headers?: Record<string, string>): Promise<void> {
    try {
      await this.send({ method: 'DELETE', path, signal, headers });
    } catch (error) {
      if (!(error instanceof FactoryError && error.type === 'NotFound')) throw error;
    }
  }

  /**
   * A list over all its pages.
   * @param read takes the items and the address of the next page, if any, from a page
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
      // Only the query is taken: behind a proxy the host of such links is often one that is not reachable from here.
      query = new URL(next, 'http://page').searchParams;
    }
    throw new FactoryError('CloudUnavailable', `${this.product} gives page after page of ${call.path} without an end`);
  }

  get http(): Session['http'] {
    return this.session.http;
  }
}
