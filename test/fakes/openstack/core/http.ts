/** What a service of the fake cloud sees of an HTTP call, and what it answers. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

export type ServiceName = 'identity' | 'compute' | 'image' | 'network' | 'volume';

/** One call, as a handler gets it. */
export interface Call {
  service: ServiceName;
  method: string;
  /** Path below the service's endpoint, decoded, without a trailing slash. */
  path: string;
  /** What the route's `:name` parts stand for. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  request: IncomingMessage;
  /** `http://host:port/<service>` as the caller addressed it. */
  endpoint: string;
  /** `req-<uuid>`, as OpenStack's request ids. */
  id: string;
  /** Minor part of Nova's microversion: 93 for 2.93. */
  microversion: number;
  /** The JSON body. @throws ApiError 400 when it is none. */
  json(): Promise<unknown>;
}

export interface Reply {
  status: number;
  json?: unknown;
  /** A body of type text/html, as web frameworks answer errors. */
  html?: string;
  stream?: Readable;
  headers?: Record<string, string>;
}

/** An error that a service answers in its own shape. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Neutron's exception name. */
    readonly type = 'HTTPBadRequest',
  ) {
    super(message);
  }
}

export type Handler = (call: Call) => Reply | Promise<Reply>;

interface Route {
  method: string;
  pattern: RegExp;
  names: string[];
  handler: Handler;
}

/** Routes of one service: a path like `/servers/:id/action`. */
export class Routes {
  private readonly routes: Route[] = [];

  on(method: string, path: string, handler: Handler): this {
    const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
    const pattern = new RegExp(`^${path.replace(/:\w+/g, '([^/]+)')}$`);
    this.routes.push({ method, pattern, names, handler });
    return this;
  }

  /** The handler with the path's parameters, or undefined when there is no such route. */
  find(method: string, path: string): { handler: Handler; params: Record<string, string> } | undefined {
    for (const { method: wanted, pattern, names, handler } of this.routes) {
      if (wanted !== method) continue;
      const match = pattern.exec(path);
      if (match === null) continue;
      const params = Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')]));
      return { handler, params };
    }
    return undefined;
  }
}

/** One of the cloud's services. */
export interface Service {
  name: ServiceName;
  routes: Routes;
  /** Paths that need no token. */
  isOpen(method: string, path: string): boolean;
  /** Reads what is common to all calls. @throws ApiError */
  prepare?(call: Call): void;
  /** Headers of every answer of the service. */
  headers(call: Call): Record<string, string>;
  /** The service's own shape of an error. */
  errorReply(error: ApiError): Reply;
}

/** WebOb's error page, which Glance and Nova's router answer. `detail` goes below the explanation. */
export function errorPage(status: number, title: string, explanation: string, detail = ''): string {
  const safe = explanation
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/'/g, '&#x27;')
    .replace(/"/g, '&quot;');
  return `<html>\n <head>\n  <title>${status} ${title}</title>\n </head>\n <body>\n  <h1>${status} ${title}</h1>\n  ${safe}<br /><br />\n${detail}\n\n\n </body>\n</html>`;
}

export const TITLES: Record<number, string> = {
  300: 'Multiple Choices',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};
