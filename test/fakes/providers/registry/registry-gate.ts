import { randomUUID } from 'node:crypto';
import type { ProviderCall, ProviderReply } from '../provider-server.js';

/** How a fake registry asks who calls. */
export type FakeAuth =
  | { kind: 'none' }
  | { kind: 'basic'; user: string; password: string }
  | {
      /** Tokens for a scope each (distribution, docs/spec/auth/token.md). */
      kind: 'token';
      user: string;
      password: string;
      /** The token of `docker login` that is taken instead of the password. */
      identityToken?: string;
      /** What the user may do. Default: pull, push and delete. */
      actions?: readonly string[];
    };

const SERVICE = 'fake registry';

/** The authorization of a fake registry, with its token server at `/token`. */
export class RegistryGate {
  /** The actions of each token that was given: `repository:name:action`. */
  private readonly tokens = new Map<string, readonly string[]>();

  constructor(private readonly auth: FakeAuth) {}

  /** Makes all tokens invalid, as when their time is over. */
  expireTokens(): void {
    this.tokens.clear();
  }

  /** Answers the call if it is one for a token, or one without permission. */
  check(call: ProviderCall): ProviderReply | undefined {
    const { auth } = this;
    if (auth.kind === 'none') return undefined;
    const { authorization } = call.headers;
    if (auth.kind === 'basic') {
      if (authorization === basicOf(auth)) return undefined;
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="fake, registry"' }, body: UNAUTHORIZED };
    }
    if (call.path === '/token') return this.giveToken(call, auth);
    const wanted = scopesOf(call);
    const granted = this.tokens.get(authorization?.replace(/^Bearer /, '') ?? '');
    if (granted !== undefined && wanted.every((scope) => granted.includes(scope))) return undefined;
    const [, repository, actions] = /^repository:(.*):(.*)$/.exec(joinScopes(wanted)) ?? [];
    const scope = repository === undefined ? '' : `,scope="repository:${repository}:${actions}"`;
    const error = granted === undefined ? '' : ',error="insufficient_scope"';
    const challenge = `Bearer realm="${call.origin}/token",service="${SERVICE}"${scope}${error}`;
    return { status: 401, headers: { 'www-authenticate': challenge }, body: UNAUTHORIZED };
  }

  private giveToken(call: ProviderCall, auth: FakeAuth & { kind: 'token' }): ProviderReply {
    const isForm = call.method === 'POST';
    const values = isForm ? new URLSearchParams(call.body.toString()) : call.query;
    if (values.get('service') !== SERVICE) return { status: 400, body: UNAUTHORIZED };
    const isKnown = isForm
      ? values.get('grant_type') === 'refresh_token' && values.get('refresh_token') === auth.identityToken
      : call.headers.authorization === basicOf(auth);
    if (!isKnown) return { status: 401, body: UNAUTHORIZED };
    const allowed = auth.actions ?? ['pull', 'push', 'delete'];
    const scopes = values
      .getAll('scope')
      .flatMap((scope) => scope.split(' '))
      .flatMap((scope) => {
        const [, repository, actions = ''] = /^repository:(.+):([a-z,]+)$/.exec(scope) ?? [];
        return actions
          .split(',')
          .filter((action) => allowed.includes(action))
          .map((action) => `${repository}:${action}`);
      });
    const token = randomUUID();
    this.tokens.set(token, scopes);
    // Servers of OAuth 2 call it so, those of docker `token`.
    return { status: 200, body: JSON.stringify(isForm ? { access_token: token } : { token, expires_in: 300 }) };
  }
}

const UNAUTHORIZED = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] });

function basicOf({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** What a call needs (distribution, registry/handlers/app.go, appendAccessRecords). */
function scopesOf({ method, path }: ProviderCall): string[] {
  const [, repository] = /^\/v2\/(.+)\/(?:blobs|manifests|referrers)\//.exec(path) ?? [];
  if (repository === undefined) return [];
  if (method === 'DELETE') return [`${repository}:delete`];
  return (method === 'GET' || method === 'HEAD' ? ['pull'] : ['pull', 'push']).map(
    (action) => `${repository}:${action}`,
  );
}

function joinScopes(scopes: readonly string[]): string {
  const [first] = scopes;
  const repository = first?.slice(0, first.lastIndexOf(':'));
  return first === undefined
    ? ''
    : `repository:${repository}:${scopes.map((scope) => scope.slice(scope.lastIndexOf(':') + 1)).join(',')}`;
}
