import type { z } from 'zod';
import { decode } from '../../http/decode.js';
import type { HttpClient, HttpResponse } from '../../http/http.js';
import type { GetAuthHeaders } from './credentials.js';
import { googleError } from './google-errors.js';

/** Statuses whose answers we class ourselves, because Google's reason says more than the status. */
const CLASSED = [400, 401, 403, 404, 409, 410, 412];

export interface GoogleCall {
  method: 'GET' | 'POST' | 'DELETE';
  /** URL without the query. */
  url: string;
  query?: Readonly<Record<string, string | readonly string[]>>;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  signal: AbortSignal;
}

/** One of Google's JSON APIs, called with our credentials. */
export class GoogleClient {
  constructor(
    /** The name of the API in messages. */
    readonly product: string,
    private readonly http: HttpClient,
    private readonly getAuthHeaders: GetAuthHeaders,
  ) {}

  /**
   * Sends a call.
   *
   * @param accept statuses other than 2xx for which the response is returned
   */
  async send(call: GoogleCall, accept: readonly number[] = []): Promise<HttpResponse> {
    const { method, signal } = call;
    const headers = { ...(await this.getAuthHeaders(signal)), ...call.headers };
    const request = {
      product: this.product,
      method,
      url: withQuery(call.url, call.query),
      headers: call.body === undefined ? headers : { ...headers, 'content-type': 'application/json; charset=UTF-8' },
      signal,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    };
    const response = await this.http.send(request, [...CLASSED, ...accept]);
    if ((response.status >= 200 && response.status < 300) || accept.includes(response.status)) return response;
    throw googleError(this.http.toApiCall(request), response);
  }

  /** Sends a call, and reads its answer. */
  async ask<T>(call: GoogleCall, schema: z.ZodType<T>): Promise<T> {
    const response = await this.send(call);
    return this.read(call, response, schema);
  }

  /** Sends a call. Returns undefined when there is no such thing. */
  async find<T>(call: GoogleCall, schema: z.ZodType<T>): Promise<T | undefined> {
    const response = await this.send(call, [404]);
    return response.status === 404 ? undefined : this.read(call, response, schema);
  }

  /** Sends a call that lists things, and follows its pages. */
  async list<T>(
    call: GoogleCall,
    schema: z.ZodType<{ items?: T[] | undefined; nextPageToken?: string | undefined }>,
  ): Promise<T[]> {
    const all: T[] = [];
    let pageToken: string | undefined;
    do {
      const query = { ...call.query, ...(pageToken === undefined ? {} : { pageToken }) };
      const page = await this.ask({ ...call, query }, schema);
      all.push(...(page.items ?? []));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined && pageToken !== '');
    return all;
  }

  read<T>(call: Pick<GoogleCall, 'method' | 'url'>, response: HttpResponse, schema: z.ZodType<T>): T {
    const { method, url } = call;
    return decode(this.http.toApiCall({ product: this.product, method, url }), schema, response.body);
  }
}

function withQuery(url: string, query: GoogleCall['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const each of typeof value === 'string' ? [value] : value) parameters.append(name, each);
  return parameters.size === 0 ? url : `${url}?${parameters.toString()}`;
}
