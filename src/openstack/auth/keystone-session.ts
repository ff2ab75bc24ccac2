import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { CatalogEntry } from './catalog.js';
import type { HttpResponse, HttpClient } from '../../http/http.js';
import { type ApiCall, contentError } from '../../http/http-errors.js';
import { decode } from '../../http/decode.js';
import type { CloudSettings, Credentials } from '../config/cloud-settings.js';
import { buildInspectionRequest, findScopedToken, PRODUCT, buildTokenRequest } from './token-requests.js';
import { raceAbort } from '../../http/race-abort.js';

/** We renew a token when less than this part of its lifetime is left. */
const RENEW_PART = 0.1;
/**
 * We renew a token at the latest this number of milliseconds before its end, but never in the first half of its
 * lifetime.
 */
const RENEW_MILLISECONDS = 60_000;

/** A token of Keystone, with the data that we need to use and renew it. */
export interface Token {
  id: string;
  projectId: string;
  catalog: CatalogEntry[];
  /** When to request the next token: milliseconds since the epoch, by our own clock. */
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

/**
 * Returns the Identity v3 URL if the path of `authUrl` names a version; undefined if the version must be discovered.
 */
function findVersion3Url(authUrl: string): string | undefined {
  const url = authUrl.replace(/\/+$/, '');
  if (/\/v3$/.test(url)) return url;
  // Old configurations still name v2.0; version 3 has the same parent path.
  return /\/v2\.0$/.test(url) ? url.replace(/v2\.0$/, 'v3') : undefined;
}

/**
 * The session with one cloud. Signs in at the first call, and again before the token expires or when a service rejects
 * the token. Callers that need a token at the same time share one sign-in.
 * https://docs.openstack.org/api-ref/identity/v3/
 */
export class Session {
  private current: Token | undefined;
  private pending: Promise<Token> | undefined;
  private base: string | undefined;

  constructor(
    readonly http: HttpClient,
    readonly settings: CloudSettings,
  ) {}

  /** Returns a token that is not about to expire. @throws FactoryError AuthenticationFailed, CloudUnavailable */
  async token(signal?: AbortSignal): Promise<Token> {
    if (this.current !== undefined && Date.now() < this.current.renewAt) return this.current;
    // The callers share the sign-in: when one caller is aborted, the others still get the token.
    return raceAbort(signal, () => {
      this.pending ??= this.signIn().finally(() => {
        this.pending = undefined;
      });
      return this.pending;
    });
  }

  /** Returns a token other than `refused`: a new token, or the token that another caller has already requested. */
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

  /**
   * Converts the error of a failed sign-in to AuthenticationFailed, with the name of the credentials, which is not in
   * Keystone's own message. Returns every other error unchanged.
   */
  private toSignInError(error: unknown): unknown {
    if (!(error instanceof FactoryError) || (error.status !== 401 && error.status !== 404)) return error;
    const { method } = this.settings.credentials;
    return new FactoryError(
      'AuthenticationFailed',
      `cannot sign in to cloud ${this.settings.name} as ${this.describeCredentials()}: ${error.message}`,
      {
        status: error.status,
        requestId: error.requestId,
        // A 404 means a wrong URL, but Keystone also answers 404 for an expired token.
        hint: error.status === 404 && method !== 'token' ? ADDRESS_HINT : SIGN_IN_HINTS[method],
        cause: error,
      },
    );
  }

  private describeCredentials(): string {
    const { credentials } = this.settings;
    if (credentials.method === 'token') return 'the owner of the given token';
    if (credentials.method === 'applicationCredential') {
      return `application credential ${credentials.credential.id ?? credentials.credential.name ?? ''}`;
    }
    return `user ${credentials.user.id ?? credentials.user.name ?? ''}`;
  }

  private readToken(call: ApiCall, answer: HttpResponse, own: string | undefined): Token {
    const { token } = decode(call, tokenSchema, answer.body);
    const subject = own ?? answer.headers['x-subject-token'];
    if (typeof subject !== 'string') throw contentError(call, 'there is no header X-Subject-Token', answer.headers);
    if (token.project === undefined || token.catalog === undefined) {
      const message = `cloud ${this.settings.name} accepts the credentials, but the token belongs to no project`;
      throw new FactoryError('AuthenticationFailed', message, {
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

  /** Finds the URL of Identity v3 (https://docs.openstack.org/api-ref/identity/v3/#list-versions). */
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
    // We use only the path of the link: behind a proxy, the host in the link is often not reachable from here.
    return new URL(new URL(href, authUrl).pathname, authUrl).href.replace(/\/+$/, '');
  }
}

const ADDRESS_HINT = 'check that auth_url (OS_AUTH_URL) is the URL of Keystone, such as https://cloud.example:5000/v3';
const SIGN_IN_HINTS: Record<Credentials['method'], string> = {
  password: 'check the user name, the password, the project and their domains',
  applicationCredential: 'check the id and the secret of the application credential, and that it has not expired',
  token: 'an expired token cannot be renewed: get a new one, or use a password or an application credential',
};

/**
 * Computes when to request the next token. We use the length of the token's lifetime and not its end date, because our
 * clock and Keystone's clock may differ.
 */
function computeRenewTime(token: { issued_at?: string; expires_at: string }): number {
  const issued = token.issued_at === undefined ? Date.now() : Date.parse(token.issued_at);
  const life = Math.max(0, Date.parse(token.expires_at) - issued);
  if (Number.isNaN(life)) return Date.now() + RENEW_MILLISECONDS;
  return Date.now() + life - Math.max(life * RENEW_PART, Math.min(RENEW_MILLISECONDS, life / 2));
}
