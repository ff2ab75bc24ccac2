/** The HTTP calls and replies of the fake cloud's services. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

export type ServiceName = 'identity' | 'compute' | 'image' | 'network' | 'volume';

/** One call, as a handler gets it. */
export interface Call {
  service: ServiceName;
  method: string;
  /** Path below the service's endpoint, decoded, without a trailing slash. */
  path: string;
  /** The values of the route's `:name` parts. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  request: IncomingMessage;
  /** `http://host:port/<service>` with the host of the request. */
  endpoint: string;
  /** `req-<uuid>`: the form of OpenStack's request ids. */
  id: string;
  /** Minor part of Nova's microversion: 93 for 2.93. */
  microversion: number;
  /** Reads the JSON body. @throws ApiError 400 when it is not JSON */
  json(): Promise<unknown>;
}

export interface Reply {
  status: number;
  json?: unknown;
  /** A body of type text/html: the errors of the web frameworks. */
  html?: string;
  stream?: Readable;
  headers?: Record<string, string>;
}

/** An error of a call; each service answers it in its own form. */
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

/** The routes of one service, with paths like `/servers/:id/action`. */
export class Routes {
  private readonly routes: Route[] = [];

  on(method: string, path: string, handler: Handler): this {
    const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
    const pattern = new RegExp(`^${path.replace(/:\w+/g, '([^/]+)')}$`);
    this.routes.push({ method, pattern, names, handler });
    return this;
  }

  /** Finds the handler and the parameters of a path; undefined when no route matches. */
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

/** A service of the fake cloud. */
export interface Service {
  name: ServiceName;
  routes: Routes;
  /** Whether the path needs no token. */
  isOpen(method: string, path: string): boolean;
  /** Reads and checks what all calls of the service have in common. @throws ApiError */
  prepare?(call: Call): void;
  /** The headers of every answer of the service. */
  headers(call: Call): Record<string, string>;
  /** Builds the service's own form of an error. */
  errorReply(error: ApiError): Reply;
}

/** Builds WebOb's error page, as Glance and Nova's router send it. `detail` goes below the explanation. */
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
