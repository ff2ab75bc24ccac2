import { randomUUID } from 'node:crypto';
import { ApiError, Routes, TITLES, type Call, type Reply, type Service } from '../core/http.js';
import { asFields, isFields, asList, asText, type Fields } from '../core/values.js';
import { hexId, type CloudState } from '../state.js';

/** The credentials that Keystone accepts. */
export interface Credentials {
  username: string;
  password: string;
  projectName: string;
  domainName: string;
  applicationCredential: { id: string; name: string; secret: string };
}

export interface Token {
  id: string;
  expiresAt: number;
  issuedAt: number;
  methods: string[];
  /** Whether the token is for a project. */
  scoped: boolean;
}

/** A fake of Keystone's API v3: https://docs.openstack.org/api-ref/identity/v3/ */
export class Identity implements Service {
  readonly name = 'identity';
  readonly routes = new Routes();
  private readonly tokens = new Map<string, Token>();
  private readonly roles = ['member', 'reader', 'admin'].map((name) => ({ id: hexId(), name }));
  private readonly serviceIds = new Map(
    ['identity', 'compute', 'image', 'network', 'volumev3'].map((type) => [type, hexId()]),
  );

  /** Milliseconds for which a new token is valid. A test may change the value. */
  tokenLifetime: number;

  constructor(
    private readonly state: CloudState,
    readonly credentials: Credentials,
    private readonly region: string,
    tokenLifetime: number,
    private readonly host: string,
    private readonly blockStorage: boolean,
  ) {
    this.tokenLifetime = tokenLifetime;
    this.routes
      .on('GET', '/', (call) => ({ status: 300, json: { versions: { values: [version(call)] } } }))
      .on('GET', '/v3', (call) => ({ status: 200, json: { version: version(call) } }))
      .on('POST', '/v3/auth/tokens', async (call) => this.issueToken(call, asFields(await call.json())))
      .on('GET', '/v3/auth/tokens', (call) => this.show(call))
      .on('HEAD', '/v3/auth/tokens', (call) => this.show(call))
      .on('DELETE', '/v3/auth/tokens', (call) => this.revoke(call))
      .on('GET', '/v3/auth/catalog', (call) => ({ status: 200, json: { catalog: this.catalog(call), links: {} } }))
      .on('GET', '/v3/auth/projects', () => ({ status: 200, json: { projects: [this.project()], links: {} } }))
      .on('GET', '/v3/projects', () => ({ status: 200, json: { projects: [this.project()], links: {} } }))
      .on('GET', '/v3/projects/:id', (call) => this.showProject(call));
  }

  isOpen(method: string, path: string): boolean {
    return path === '/' || path === '/v3' || (method === 'POST' && path === '/v3/auth/tokens');
  }

  headers(call: Call): Record<string, string> {
    return { 'x-openstack-request-id': call.id, vary: 'X-Auth-Token' };
  }

  errorReply(error: ApiError): Reply {
    return {
      status: error.status,
      json: { error: { code: error.status, message: error.message, title: TITLES[error.status] } },
    };
  }

  isValid(token: string | undefined): boolean {
    const known = token === undefined ? undefined : this.tokens.get(token);
    return known !== undefined && known.expiresAt > Date.now();
  }

  /** Returns the ids of all issued tokens, also of expired ones, but not of revoked ones. */
  issuedTokens(): string[] {
    return [...this.tokens.keys()];
  }

  /** Makes every issued token invalid. */
  expireTokens(): void {
    this.tokens.clear();
  }

  private issueToken(call: Call, body: Fields): Reply {
    const auth = isFields(body['auth']) ? body['auth'] : undefined;
    const identity = auth !== undefined && isFields(auth['identity']) ? auth['identity'] : undefined;
    if (auth === undefined || identity === undefined) throw new ApiError(400, "'identity' is a required property");
    const methods = asList(identity['methods']).map(String);
    for (const method of methods) this.checkMethod(method, identity[method]);
    if (methods.length === 0) throw unauthorized();
    const scoped = methods.includes('application_credential') || this.checkScope(auth['scope'], methods);
    const now = Date.now();
    const token: Token = {
      id: `gAAAAA${randomUUID().replaceAll('-', '')}`,
      issuedAt: now,
      expiresAt: now + this.tokenLifetime,
      methods,
      scoped,
    };
    this.tokens.set(token.id, token);
    return { status: 201, json: { token: this.viewToken(call, token) }, headers: { 'x-subject-token': token.id } };
  }

  private checkMethod(method: string, value: unknown): void {
    if (!isFields(value)) {
      throw new ApiError(
        400,
        `Expecting to find ${method} in identity. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`,
      );
    }
    const { username, password, applicationCredential: credential } = this.credentials;
    if (method === 'password') {
      const user = asFields(value['user']);
      const isUser = user['name'] === username || user['id'] === this.state.userId;
      if (isUser && user['password'] === password && this.isDomain(user['domain'], user['id'] !== undefined)) return;
    }
    if (method === 'application_credential') {
      const isThis = value['id'] === credential.id || value['name'] === credential.name;
      if (isThis && value['secret'] === credential.secret) return;
    }
    if (method === 'token' && this.isValid(asText(value['id']))) return;
    throw unauthorized();
  }

  private isDomain(domain: unknown, optional: boolean): boolean {
    if (!isFields(domain)) return optional;
    return domain['name'] === this.credentials.domainName || domain['id'] === 'default';
  }

  /** Checks the requested scope of a token. @returns whether the token is for a project */
  private checkScope(scope: unknown, methods: string[]): boolean {
    // When a request with a password has no scope, Keystone uses the user's default project.
    if (scope === undefined) return methods.includes('password');
    const project = isFields(scope) ? scope['project'] : undefined;
    if (scope === 'unscoped' || !isFields(project)) return false;
    if (project['id'] === this.state.projectId) return true;
    if (project['name'] === this.credentials.projectName && this.isDomain(project['domain'], false)) return true;
    throw unauthorized();
  }

  private show(call: Call): Reply {
    const token = this.tokens.get(String(call.headers['x-subject-token']));
    if (token === undefined || token.expiresAt <= Date.now())
      throw new ApiError(404, 'Could not recognize Fernet token');
    return { status: 200, json: { token: this.viewToken(call, token) }, headers: { 'x-subject-token': token.id } };
  }

  private revoke(call: Call): Reply {
    if (!this.tokens.delete(String(call.headers['x-subject-token'])))
      throw new ApiError(404, 'Could not recognize Fernet token');
    return { status: 204 };
  }

  private viewToken(call: Call, token: Token): Fields {
    const domain = { id: 'default', name: this.credentials.domainName };
    const base = {
      methods: token.methods,
      user: { domain, id: this.state.userId, name: this.credentials.username, password_expires_at: null },
      audit_ids: [token.id.slice(6, 28)],
      expires_at: new Date(token.expiresAt).toISOString().replace('Z', '000Z'),
      issued_at: new Date(token.issuedAt).toISOString().replace('Z', '000Z'),
    };
    if (!token.scoped) return base;
    const project = { domain, id: this.state.projectId, name: this.credentials.projectName };
    return { ...base, project, is_domain: false, roles: this.roles, catalog: this.catalog(call) };
  }

  private catalog(call: Call): Fields[] {
    const origin = new URL(call.endpoint).origin.replace('//0.0.0.0', `//${this.host}`);
    const services = [
      { type: 'identity', name: 'keystone', path: '/identity/v3/' },
      { type: 'compute', name: 'nova', path: '/compute/v2.1' },
      { type: 'image', name: 'glance', path: '/image' },
      { type: 'network', name: 'neutron', path: '/network' },
      ...(this.blockStorage
        ? [{ type: 'volumev3', name: 'cinderv3', path: `/volume/v3/${this.state.projectId}` }]
        : []),
    ];
    return services.map(({ type, name, path }) => ({
      id: this.serviceIds.get(type),
      type,
      name,
      endpoints: ['admin', 'internal', 'public'].map((name) => ({
        id: hexId(),
        interface: name,
        region_id: this.region,
        region: this.region,
        url: origin + path,
      })),
    }));
  }

  private project(): Fields {
    return {
      id: this.state.projectId,
      name: this.credentials.projectName,
      domain_id: 'default',
      description: '',
      enabled: true,
      parent_id: 'default',
      is_domain: false,
      tags: [],
      options: {},
    };
  }

  private showProject(call: Call): Reply {
    if (call.params['id'] !== this.state.projectId)
      throw new ApiError(404, `Could not find project: ${call.params['id']}.`);
    return { status: 200, json: { project: this.project() } };
  }
}

function unauthorized(): ApiError {
  return new ApiError(401, 'The request you have made requires authentication.');
}

function version(call: Call): Fields {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${call.endpoint}/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
}
