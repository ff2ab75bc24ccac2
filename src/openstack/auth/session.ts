import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { CatalogEntry } from './catalog.js';
import type { HttpResponse, HttpClient } from '../http/http.js';
import { type ApiCall, contentError } from '../http/http-errors.js';
import { decode } from '../http/decode.js';
import type { CloudSettings, Credentials } from '../config/cloud-settings.js';
import { buildInspectionRequest, findScopedToken, PRODUCT, buildTokenRequest } from './sign-in.js';
import { raceAbort } from '../http/unless-aborted.js';

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

/** The settings' address with `/v3` and without a slash at the end, where its path tells the version. */
function findVersion3Url(authUrl: string): string | undefined {
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
    readonly http: HttpClient,
    readonly settings: CloudSettings,
  ) {}

  /** A token that will hold for a while. @throws FactoryError AuthenticationFailed, CloudUnavailable */
  async token(signal?: AbortSignal): Promise<Token> {
    if (this.current !== undefined && Date.now() < this.current.renewAt) return this.current;
    // The sign-in belongs to nobody: a caller that is told to stop leaves the others their answer.
    return raceAbort(signal, () => {
      this.pending ??= this.signIn().finally(() => {
        this.pending = undefined;
      });
      return this.pending;
    });
  }

  /** A token that is not `refused`: a new one, unless somebody has got one in the meantime. */
  async renew(refused: Token, signal?: AbortSignal): Promise<Token> {
    if (this.current === refused) this.current = undefined;
    return this.token(signal);
  }

  private async signIn(): Promise<Token> {
    const base = (this.base ??= await this.discover());
    const own = findScopedToken(this.settings);
    const request = own === undefined ? buildTokenRequest(base, this.settings) : buildInspectionRequest(base, own);
    let answer: HttpResponse;
    try {
      answer = await this.http.send(request);
    } catch (error) {
      throw this.toSignInError(error);
    }
    this.current = this.readToken(this.http.toApiCall(request), answer, own);
    return this.current;
  }

  /** Says whom Keystone did not let in; its own message does not. */
  private toSignInError(error: unknown): unknown {
    if (!(error instanceof FactoryError) || (error.status !== 401 && error.status !== 404)) return error;
    const { method } = this.settings.credentials;
    return new FactoryError(
      'AuthenticationFailed',
      `cannot sign in to cloud ${this.settings.name} as ${this.describeCredentials()}: ${error.message}`,
      {
        status: error.status,
        requestId: error.requestId,
        // A token that has ended is not found either.
        hint: error.status === 404 && method !== 'token' ? ADDRESS_HINT : SIGN_IN_HINTS[method],
        cause: error,
      },
    );
  }

  private describeCredentials(): string {
    const { credentials } = this.settings;
    if (credentials.method === 'token') return 'the bearer of a token';
    if (credentials.method === 'applicationCredential') {
      return `application credential ${credentials.credential.id ?? credentials.credential.name ?? ''}`;
    }
    return `user ${credentials.user.id ?? credentials.user.name ?? ''}`;
  }

  private readToken(call: ApiCall, answer: HttpResponse, own: string | undefined): Token {
    const { token } = decode(call, tokenSchema, answer.body);
    const subject = own ?? answer.headers['x-subject-token'];
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
      renewAt: own === undefined ? computeRenewTime(token) : Number.POSITIVE_INFINITY,
    };
  }

  /** The address of Identity v3 (https://docs.openstack.org/api-ref/identity/v3/#list-versions). */
  private async discover(): Promise<string> {
    const { authUrl } = this.settings;
    const given = findVersion3Url(authUrl);
    if (given !== undefined) return given;
    const request = { product: PRODUCT, method: 'GET' as const, url: authUrl };
    const answer = await this.http.send(request, [300]);
    const { versions } = decode(this.http.toApiCall(request), versionsSchema, answer.body);
    const href = versions.values
      .find((version) => version.id.startsWith('v3') && version.status !== 'deprecated')
      ?.links.find((link) => link.rel === 'self')?.href;
    if (href === undefined) throw contentError(this.http.toApiCall(request), 'it lists no Identity API version 3');
    // Only the path is taken: behind a proxy the host is often one that is not reachable from here.
    return new URL(new URL(href, authUrl).pathname, authUrl).href.replace(/\/+$/, '');
  }
}

const ADDRESS_HINT = 'see that auth_url (OS_AUTH_URL) is the address of Keystone, as https://cloud.example:5000/v3';
const SIGN_IN_HINTS: Record<Credentials['method'], string> = {
  password: 'see that user name, password, project and their domains are right',
  applicationCredential: 'see that the application credential’s id and secret are right and that it has not expired',
  token: 'a token cannot be renewed after its end: get a new one, or use a password or an application credential',
};

/** By the length of its life, not by its date: our clock and Keystone's may differ. */
function computeRenewTime(token: { issued_at?: string; expires_at: string }): number {
  const issued = token.issued_at === undefined ? Date.now() : Date.parse(token.issued_at);
  const life = Math.max(0, Date.parse(token.expires_at) - issued);
  if (Number.isNaN(life)) return Date.now() + RENEW_MILLISECONDS;
  return Date.now() + life - Math.max(life * RENEW_PART, Math.min(RENEW_MILLISECONDS, life / 2));
}
