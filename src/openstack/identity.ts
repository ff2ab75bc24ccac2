import { z } from 'zod';
import { FactoryError } from '../build/errors.js';
import type { CatalogEntry } from './catalog.js';
import type { Answer, Http } from './http.js';
import { contentError } from './http-errors.js';
import { decode } from './decode.js';
import type { CloudSettings, Credentials, NameOrId } from './settings.js';

const PRODUCT = 'Keystone';

/** A token is renewed when less than this part of its life is left, and at the latest a minute before its end. */
const RENEW_PART = 0.1;
const RENEW_MILLISECONDS = 60_000;

/** What Keystone gave us for our credentials. */
export interface Token {
  id: string;
  projectId: string;
  catalog: CatalogEntry[];
  /** Milliseconds since the epoch, by our own clock: when to get the next one. */
  renewAt: number;
}

const tokenSchema = z.object({
  token: z.object({
    issued_at: z.string().optional(),
    expires_at: z.string(),
    project: z.object({ id: z.string() }).optional(),
    catalog: z
      .array(
        z.object({
          type: z.string(),
          name: z.string().optional(),
          endpoints: z.array(
            z.object({
              interface: z.string(),
              url: z.string(),
              region: z.string().nullish(),
              region_id: z.string().nullish(),
            }),
          ),
        }),
      )
      .optional(),
  }),
});

const versionsSchema = z.object({
  versions: z.object({
    values: z.array(
      z.object({ id: z.string(), status: z.string(), links: z.array(z.object({ rel: z.string(), href: z.string() })) }),
    ),
  }),
});

/** The `auth.identity` of a sign-in. */
function identityOf(credentials: Credentials): Record<string, unknown> {
  switch (credentials.method) {
    case 'password': {
      const user = userOf(credentials.user, credentials.userDomain);
      return { methods: ['password'], password: { user: { ...user, password: credentials.password } } };
    }
    case 'applicationCredential': {
      const { credential, secret } = credentials;
      const named = credential.id === undefined;
      return {
        methods: ['application_credential'],
        application_credential: {
          ...(named ? { name: credential.name } : { id: credential.id }),
          secret,
          ...(named ? { user: userOf(credentials.user, credentials.userDomain) } : {}),
        },
      };
    }
    case 'token':
      return { methods: ['token'], token: { id: credentials.token } };
  }
}

function userOf(user: NameOrId, domain: NameOrId): Record<string, unknown> {
  return user.id === undefined ? { name: user.name, domain: reference(domain) } : { id: user.id };
}

function reference({ id, name }: NameOrId): NameOrId {
  return id === undefined ? { name } : { id };
}

/** The `auth.scope` of a sign-in: the project, unless the credentials belong to one anyway. */
function scopeOf({ credentials, project }: CloudSettings): Record<string, unknown> | undefined {
  if (credentials.method === 'applicationCredential' || project === undefined) return undefined;
  if (project.id !== undefined) return { project: { id: project.id } };
  return { project: { name: project.name, domain: reference(project.domain) } };
}

/** The settings' address with `/v3` and without a slash at the end, where its path tells the version. */
function versioned(authUrl: string): string | undefined {
  const url = authUrl.replace(/\/+$/, '');
  if (/\/v3$/.test(url)) return url;
  // A v2.0 address is left over from old configurations; version 3 is beside it.
  return /\/v2\.0$/.test(url) ? url.replace(/v2\.0$/, 'v3') : undefined;
}

/**
 * Our session with a cloud: signs in at the first call, and again before the token ends or when a service no longer takes
 * it. Many callers share one sign-in. https://docs.openstack.org/api-ref/identity/v3/
 */
export class Session {
  private current: Token | undefined;
  private pending: Promise<Token> | undefined;
  private base: string | undefined;

  constructor(
    readonly http: Http,
    readonly settings: CloudSettings,
  ) {}

  /** A token that will hold for a while. @throws FactoryError AuthenticationFailed, CloudUnavailable */
  async token(signal?: AbortSignal): Promise<Token> {
    if (this.current !== undefined && Date.now() < this.current.renewAt) return this.current;
    return this.signInOnce(signal);
  }

  /** A token that is not `refused`: a new one, unless somebody has got one in the meantime. */
  async renew(refused: Token, signal?: AbortSignal): Promise<Token> {
    if (this.current === refused) this.current = undefined;
    return this.token(signal);
  }

  /** The sign-in belongs to nobody: a caller that is told to stop leaves the others their answer. */
  private async signInOnce(signal: AbortSignal | undefined): Promise<Token> {
    this.pending ??= this.signIn().finally(() => {
      this.pending = undefined;
    });
    return unlessAborted(this.pending, signal);
  }

  private async signIn(): Promise<Token> {
    const base = (this.base ??= await this.discover());
    const { credentials, project } = this.settings;
    // A token that is bound to a project already is used as it is: some, as those of application credentials, give no other.
    const answer =
      credentials.method === 'token' && project === undefined
        ? await this.inspectToken(base, credentials.token)
        : await this.requestToken(base);
    const known = credentials.method === 'token' && project === undefined ? credentials.token : undefined;
    this.current = this.readToken(`${base}/auth/tokens`, answer, known);
    return this.current;
  }

  private async requestToken(base: string): Promise<Answer> {
    const scope = scopeOf(this.settings);
    const auth = { identity: identityOf(this.settings.credentials), ...(scope === undefined ? {} : { scope }) };
    try {
      return await this.http.send({
        product: PRODUCT,
        method: 'POST',
        url: `${base}/auth/tokens`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ auth }),
      });
    } catch (error) {
      throw this.signInError(error);
    }
  }

  private async inspectToken(base: string, token: string): Promise<Answer> {
    try {
      return await this.http.send({
        product: PRODUCT,
        method: 'GET',
        url: `${base}/auth/tokens`,
        headers: { 'x-auth-token': token, 'x-subject-token': token },
      });
    } catch (error) {
      throw this.signInError(error);
    }
  }

  /** Says whom Keystone did not let in; its own message does not. */
  private signInError(error: unknown): unknown {
    if (!(error instanceof FactoryError)) return error;
    const refused = error.type === 'AuthenticationFailed' || error.type === 'NotFound';
    if (!refused) return error;
    return new FactoryError(
      'AuthenticationFailed',
      `cannot sign in to cloud ${this.settings.name} as ${this.who()}: ${error.message}`,
      {
        status: error.status,
        requestId: error.requestId,
        hint: SIGN_IN_HINTS[this.settings.credentials.method],
        cause: error,
      },
    );
  }

  private who(): string {
    const { credentials } = this.settings;
    if (credentials.method === 'token') return 'the bearer of a token';
    if (credentials.method === 'applicationCredential') {
      return `application credential ${credentials.credential.id ?? credentials.credential.name ?? ''}`;
    }
    return `user ${credentials.user.id ?? credentials.user.name ?? ''}`;
  }

  private readToken(url: string, answer: Answer, known: string | undefined): Token {
    const call = this.http.name({ product: PRODUCT, method: 'POST', url });
    const { token } = decode(call, tokenSchema, answer.body);
    const subject = known ?? answer.headers['x-subject-token'];
    if (typeof subject !== 'string') throw contentError(call, 'no X-Subject-Token', answer.headers);
    if (token.project === undefined || token.catalog === undefined) {
      throw new FactoryError('AuthenticationFailed', `cloud ${this.settings.name} let us in, but to no project`, {
        hint: 'name the project: project_name and project_domain_name (OS_PROJECT_NAME, OS_PROJECT_DOMAIN_NAME)',
      });
    }
    return {
      id: subject,
      projectId: token.project.id,
      catalog: token.catalog,
      renewAt: renewTime(token, known !== undefined),
    };
  }

  /** The address of Identity v3 (https://docs.openstack.org/api-ref/identity/v3/#list-versions). */
  private async discover(): Promise<string> {
    const { authUrl } = this.settings;
    const given = versioned(authUrl);
    if (given !== undefined) return given;
    const request = { product: PRODUCT, method: 'GET' as const, url: authUrl };
    const answer = await this.http.send(request, [300]);
    const { versions } = decode(this.http.name(request), versionsSchema, answer.body);
    const href = versions.values
      .find((version) => version.id.startsWith('v3') && version.status !== 'deprecated')
      ?.links.find((link) => link.rel === 'self')?.href;
    if (href === undefined) throw contentError(this.http.name(request), 'it lists no Identity API version 3');
    // Only the path is taken: behind a proxy the host is often one that is not reachable from here.
    return new URL(new URL(href, authUrl).pathname, authUrl).href.replace(/\/+$/, '');
  }
}

const SIGN_IN_HINTS: Record<Credentials['method'], string> = {
  password: 'see that user name, password, project and their domains are right',
  applicationCredential: 'see that the application credential’s id and secret are right and that it has not expired',
  token: 'a token cannot be renewed after its end: get a new one, or use a password or an application credential',
};

/** By the length of its life, not by its date: our clock and Keystone's may differ. A token from outside has lived already. */
function renewTime(token: { issued_at?: string; expires_at: string }, fromOutside: boolean): number {
  const expires = Date.parse(token.expires_at);
  const issued = fromOutside || token.issued_at === undefined ? Date.now() : Date.parse(token.issued_at);
  const life = Math.max(0, expires - issued);
  if (Number.isNaN(life)) return Date.now() + RENEW_MILLISECONDS;
  // What is given from outside stays the same however often it is asked for.
  return fromOutside
    ? Number.POSITIVE_INFINITY
    : Date.now() + life - Math.max(life * RENEW_PART, Math.min(RENEW_MILLISECONDS, life / 2));
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
