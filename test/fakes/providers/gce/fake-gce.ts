import { createHash, randomUUID, verify, type KeyObject } from 'node:crypto';
import { ProviderServer, type ProviderCall, type ProviderReply } from '../provider-server.js';
import { FakeCompute } from './compute.js';
import { ACCOUNT, json, readJson, refusal } from './replies.js';
import { FakeStorage } from './storage.js';

/**
 * Google Cloud for tests: Cloud Storage, images of Compute Engine, permissions, and the two ways to sign in that need
 * no key: the metadata server of a machine, and workload identity.
 */
export class FakeGce {
  readonly storage: FakeStorage;
  readonly compute: FakeCompute;
  readonly server: ProviderServer;
  /** Whether the Resource Manager API is enabled in the project. */
  hasResourceManager = true;
  /** What the sign-in answers. */
  signIn: 'ok' | 'refused' = 'ok';
  /** The public key of the service account whose self-signed tokens are accepted. */
  accountKey: KeyObject | undefined;
  private readonly tokens = new Set<string>();

  constructor(project = 'fake-project', bucket = 'fake-bucket') {
    this.storage = new FakeStorage(bucket);
    this.compute = new FakeCompute(project, this.storage);
    this.server = new ProviderServer('gce', (call) => this.handle(call));
  }

  get url(): string {
    return this.server.url;
  }

  private handle(call: ProviderCall): ProviderReply {
    if (call.path === '/sts/v1/token') return this.exchangeToken(call);
    if (call.path.startsWith('/computeMetadata/v1/')) return this.answerMetadata(call);
    const isUpload = call.path.startsWith('/upload/') && call.query.has('upload_id');
    if (!isUpload && !this.isKnown(call.headers.authorization ?? ''))
      return refusal(401, 'authError', 'Request had invalid authentication credentials.');
    if (call.path.includes('/storage/v1/')) return this.storage.handle(call);
    if (call.path.startsWith('/compute/v1/')) return this.compute.handle(call);
    if (call.path === `/v1/projects/${this.compute.project}:testIamPermissions`) return this.testPermissions(call);
    return refusal(404, 'notFound', 'no such method');
  }

  private isKnown(authorization: string): boolean {
    return this.tokens.has(authorization) || this.isSignedByAccount(authorization.replace(/^Bearer /, ''));
  }

  /** https://google.aip.dev/auth/4111: a token that a service account signs itself, with the claim `scope`. */
  private isSignedByAccount(token: string): boolean {
    const [header = '', claims = '', signature = ''] = token.split('.');
    if (this.accountKey === undefined || signature === '') return false;
    const isSigned = verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${claims}`),
      this.accountKey,
      Buffer.from(signature, 'base64url'),
    );
    const { iss, scope, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
    return isSigned && iss === ACCOUNT && Number(exp) > Date.now() / 1000 && String(scope).endsWith('/cloud-platform');
  }

  /** https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
  private exchangeToken(call: ProviderCall): ProviderReply {
    const form = new URLSearchParams(call.body.toString('utf8'));
    if (this.signIn === 'refused' || form.get('subject_token') !== 'subject')
      return json({ error: 'invalid_grant', error_description: 'The subject token is expired.' }, 400);
    return json({ ...this.issueToken(), issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' });
  }

  /** https://cloud.google.com/compute/docs/metadata/overview */
  private answerMetadata(call: ProviderCall): ProviderReply {
    if (call.headers['metadata-flavor'] !== 'Google')
      return { status: 403, body: 'Missing Metadata-Flavor:Google header.' };
    const reply = call.path.endsWith('/token') ? json(this.issueToken()) : { status: 200, body: '' };
    return { ...reply, headers: { ...reply.headers, 'metadata-flavor': 'Google' } };
  }

  private issueToken(): Record<string, unknown> {
    const token = `ya29.${createHash('sha256').update(randomUUID()).digest('hex')}`;
    this.tokens.add(`Bearer ${token}`);
    return { access_token: token, expires_in: 3600, token_type: 'Bearer' };
  }

  private testPermissions(call: ProviderCall): ProviderReply {
    if (!this.hasResourceManager)
      return refusal(403, 'accessNotConfigured', 'Cloud Resource Manager API has not been used in project 1 before.');
    const { permissions } = readJson(call) as { permissions: string[] };
    return json({ permissions: permissions.filter((permission) => this.compute.permissions.has(permission)) });
  }
}
