import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { decode } from '../../http/decode.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../http/http.js';
import { isLoopback } from './configuration.js';
import type { RegistryCredentials } from './credentials.js';

/** What a call does in a repository, as the scope of a token says it. */
export type Actions = 'pull,push' | 'pull,delete';

/** What a registry asks for with 401, in `WWW-Authenticate`. */
export interface Challenge {
  scheme: 'basic' | 'bearer';
  parameters: Readonly<Record<string, string>>;
}

const TOKEN = z
  .looseObject({
    token: z.string().optional(),
    access_token: z.string().optional(),
    expires_in: z.number().optional(),
  })
  .transform(({ token, access_token: access, expires_in: seconds = SHORTEST_LIFE }) => ({
    token: token ?? access ?? '',
    seconds,
  }))
  .refine(({ token }) => token !== '', 'it has no token');

/** Seconds that a token is valid if its server does not say so (distribution, spec/auth/token). */
const SHORTEST_LIFE = 60;
/** Seconds before its end at which a token is not used any more: the call still has to arrive. */
const MARGIN = 15;
const CLIENT = 'imagefactory-nova';

/** Reads the challenges of a 401. A header may have several. */
export function parseChallenges(header: string | string[] | undefined): Challenge[] {
  const text = [header ?? []].flat().join(', ');
  const starts = [...text.matchAll(/(?:^|,\s*)(basic|bearer)\s+/gi)];
  return starts.map((start, index) => {
    const rest = text.slice(start.index + start[0].length, starts[index + 1]?.index);
    const pairs = [...rest.matchAll(/([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi)];
    const parameters = pairs.map(([, key = '', quoted, plain = '']): [string, string] => [
      key.toLowerCase(),
      quoted?.replace(/\\(.)/g, '$1') ?? plain,
    ]);
    return {
      scheme: start[1]?.toLowerCase() === 'basic' ? 'basic' : 'bearer',
      parameters: Object.fromEntries(parameters),
    };
  });
}

/**
 * The authorization of calls to a registry. Nothing is sent before the registry has asked for it; then the answer is
 * kept: a password for all calls, a token for its repository and actions.
 */
export class RegistryAuth {
  private basic: string | undefined;
  private readonly tokens = new Map<string, { header: string; until: number }>();

  constructor(
    private readonly http: HttpClient,
    /** The registry, for messages. */
    private readonly product: string,
    /** Whether the registry is on this machine. */
    private readonly isLocal: boolean,
    private readonly findCredentials: () => Promise<RegistryCredentials | undefined>,
  ) {}

  /** Returns the header for a call, as far as it is known. */
  header(repository: string | undefined, actions: Actions): string | undefined {
    if (this.basic !== undefined) return this.basic;
    const kept = this.tokens.get(scopeOf(repository, actions));
    return kept !== undefined && kept.until > Date.now() ? kept.header : undefined;
  }

  /**
   * Gets what the registry has asked for.
   *
   * @param refused the header that was refused; undefined when none was sent
   * @throws FactoryError AuthenticationFailed when there are no credentials, or when they are wrong
   */
  async answer(
    challenges: readonly Challenge[],
    repository: string | undefined,
    actions: Actions,
    refused: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const credentials = await this.findCredentials();
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      const scope = scopeOf(repository, actions);
      this.tokens.set(scope, await this.fetchToken(bearer, scope, credentials, signal));
      return;
    }
    const { user, password } = credentials ?? {};
    if (user === undefined || password === undefined) throw this.refusal(credentials);
    const header = basicHeader(user, password);
    if (header === refused || challenges.length === 0) throw this.refusal(credentials);
    this.basic = header;
  }

  /** The error of a call that the registry refuses whatever is sent. */
  refusal(credentials: RegistryCredentials | undefined): FactoryError {
    const who = credentials?.user === undefined ? 'the credentials' : `user ${credentials.user}`;
    return credentials === undefined
      ? new FactoryError('AuthenticationFailed', `${this.product} asks for a user and a password`, {
          status: 401,
          hint: 'write user and password_file into the provider’s configuration, or run `docker login` as the worker’s user',
        })
      : new FactoryError('AuthenticationFailed', `${this.product} does not accept ${who}`, {
          status: 401,
          hint: 'check the user and the password; an access token may have expired',
        });
  }

  private async fetchToken(
    { parameters }: Challenge,
    wanted: string,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ header: string; until: number }> {
    const { realm = '', service, scope: asked = '' } = parameters;
    // Some registries make a repository when a token for a push is asked for, and hide it from everybody before.
    const scope = [...new Set([...asked.split(' '), wanted])].filter((word) => word !== '').join(' ');
    const request = this.tokenRequest(realm, { service, scope }, credentials);
    const began = Date.now();
    const answer = await this.http.send({ ...request, signal }, [400, 401, 403]);
    if (answer.status >= 400) throw this.tokenError(answer, credentials);
    const { token, seconds } = decode(this.http.toApiCall(request), TOKEN, answer.body);
    const life = Math.max(SHORTEST_LIFE, seconds) - MARGIN;
    return { header: `Bearer ${token}`, until: began + life * 1000 };
  }

  private tokenRequest(
    realm: string,
    query: { service: string | undefined; scope: string },
    credentials: RegistryCredentials | undefined,
  ): HttpRequest {
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    if (url !== undefined && isLoopback(url.hostname) && !this.isLocal) {
      // Whatever listens there is not the registry's.
      throw new FactoryError(
        'AuthenticationFailed',
        `${this.product} names a token server on the worker’s machine, to which no password is sent: ${realm.slice(0, 200)}`,
      );
    }
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
    if (url === undefined || !isSafe) {
      throw new FactoryError(
        'AuthenticationFailed',
        `${this.product} names a token server without https, to which no password is sent: ${realm.slice(0, 200)}`,
      );
    }
    const product = `the token server of ${this.product}`;
    const { service, scope } = query;
    const { identityToken, user, password } = credentials ?? {};
    if (identityToken !== undefined) {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: CLIENT,
        scope,
        refresh_token: identityToken,
      });
      if (service !== undefined) form.set('service', service);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      return { product, method: 'POST', url: url.href, headers, body: form.toString() };
    }
    if (service !== undefined) url.searchParams.set('service', service);
    for (const part of scope === '' ? [] : scope.split(' ')) url.searchParams.append('scope', part);
    url.searchParams.set('client_id', CLIENT);
    const authorization = user !== undefined && password !== undefined ? basicHeader(user, password) : undefined;
    return { product, method: 'GET', url: url.href, headers: authorization === undefined ? {} : { authorization } };
  }

  private tokenError({ status }: HttpResponse, credentials: RegistryCredentials | undefined): FactoryError {
    if (status !== 403) return this.refusal(credentials);
    return new FactoryError('Forbidden', `the token server of ${this.product} gives no token (403)`, {
      status,
      hint: 'ask the registry’s operators for the permission to pull and to push',
    });
  }
}

function scopeOf(repository: string | undefined, actions: Actions): string {
  return repository === undefined ? '' : `repository:${repository}:${actions}`;
}

function basicHeader(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
