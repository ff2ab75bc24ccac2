/** The HTTP calls and replies of the fake cloud's services. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

export type ServiceName = 'identity' | 'compute' | 'image' | 'network' | 'volume';

/** One call, in the form that handlers get. */
export interface Call {
  service: ServiceName;
  method: string;
  /** Path below the service's endpoint, decoded, without a trailing slash. */
  path: string;
  /** The values of the `:name` parts of the route, by name. */
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  request: IncomingMessage;
  /** The address of the service, with the host of the request: `http://host:port/<service>`. */
  endpoint: string;
  /** The id of the request, in OpenStack's form: `req-<uuid>`. */
  id: string;
  /** Minor number of the microversion of Nova or Cinder: 93 for 2.93. */
  microversion: number;
  /** Reads the JSON body. @throws ApiError 400 when the body is not JSON, 413 when it is too large */
  json(): Promise<unknown>;
}

export interface Reply {
  status: number;
  json?: unknown;
  /** An HTML body (text/html). The web frameworks of the services send some of their errors as HTML. */
  html?: string;
  stream?: Readable;
  headers?: Record<string, string>;
}

/** An error that a call gets. Each service sends it in its own format. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Name of Neutron's exception. Other services do not use it. */
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

  /** Finds the handler and the parameters of a path. Returns undefined when no route matches. */
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
  /** Whether a call with this path needs no token. */
  isOpen(method: string, path: string): boolean;
  /** Reads and checks what all calls of the service have in common, such as the microversion. @throws ApiError */
  prepare?(call: Call): void;
  /** The headers of every answer of the service. */
  headers(call: Call): Record<string, string>;
  /** Builds the reply for an error, in the form of the service. */
  errorReply(error: ApiError): Reply;
}

/** Builds WebOb's error page, as Glance and the routers of Nova and Cinder send it. `detail` follows `explanation`. */
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
