import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import { text } from 'node:stream/consumers';
import type { CloudSettings } from '../../../src/openstack/config/cloud-settings.js';

/** A request that a local service has received. */
export interface Seen {
  method: string;
  /** The path with its query. */
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export type Reply = { status?: number; json?: unknown; body?: string; headers?: Record<string, string> };

export interface LocalService {
  origin: string;
  seen: Seen[];
}

/** Starts a server on a free port. The server stops when the tests of the file have ended. */
export async function serve(listener: RequestListener, tls?: ServerOptions): Promise<string> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
}

export function answer(response: ServerResponse, { status = 200, json, body, headers }: Reply): void {
  const content = json === undefined ? body : JSON.stringify(json);
  response.writeHead(status, { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers });
  response.end(content);
}

/** Starts a service that answers each request with `reply`, and stores the requests in `seen`. */
export async function serveReplies(reply: (seen: Seen) => Reply | Promise<Reply>): Promise<LocalService> {
  const seen: Seen[] = [];
  const origin = await serve((request, response) => {
    void text(request).then(async (body) => {
      const { method = '', url: path = '', headers } = request;
      const one = { method, path, headers, body };
      seen.push(one);
      answer(response, await reply(one));
    });
  });
  return { origin, seen };
}

function catalogOf(origin: string): unknown[] {
  const endpoints = [{ interface: 'public', url: origin, region: 'one', region_id: 'one' }];
  return ['compute', 'image', 'network', 'block-storage'].map((type) => ({ type, name: type, endpoints }));
}

/** Returns Keystone's answer to a sign-in, with a token that is valid for `seconds`. */
export function tokenReply(origin: string, id: string, seconds = 3600): Reply {
  const now = Date.now();
  return {
    status: 201,
    headers: { 'x-subject-token': id },
    json: {
      token: {
        issued_at: new Date(now).toISOString(),
        expires_at: new Date(now + seconds * 1000).toISOString(),
        project: { id: 'project-1', name: 'demo' },
        catalog: catalogOf(origin),
      },
    },
  };
}

export function settingsFor(origin: string, change: Partial<CloudSettings> = {}): CloudSettings {
  return {
    name: 'local',
    authUrl: `${origin}/v3`,
    credentials: {
      method: 'password',
      user: { name: 'demo' },
      userDomain: { id: 'default' },
      password: 'correct horse',
    },
    project: { name: 'demo', domain: { id: 'default' } },
    interfaces: ['public'],
    tls: {},
    endpointOverrides: {},
    ...change,
  };
}

/** Starts a cloud in one server. Every sign-in succeeds, with token-1, token-2, …; `reply` answers other requests. */
export async function serveCloud(
  reply: (seen: Seen) => Reply | Promise<Reply>,
): Promise<LocalService & { signIns: () => number }> {
  let signIns = 0;
  const service: LocalService = await serveReplies((seen) => {
    if (seen.path === '/v3/auth/tokens') {
      signIns += 1;
      return tokenReply(service.origin, `token-${signIns}`);
    }
    if (seen.method === 'GET' && seen.path === '/v2.1/') {
      return { json: { version: { id: 'v2.1', min_version: '2.1', version: '2.93' } } };
    }
    return reply(seen);
  });
  return { ...service, signIns: () => signIns };
}
