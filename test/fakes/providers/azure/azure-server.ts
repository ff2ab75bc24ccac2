import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { azureSchema, type AzureConfiguration } from '../../../../src/providers/azure/configuration.js';
import { type ProviderCall, type ProviderReply, ProviderServer } from '../provider-server.js';
import { fail as failBlob, FakeBlobService } from './blob-service.js';
import { fail as failManager, FakeResourceManager, json } from './resource-manager.js';

const FIXTURES = '../../../unit/http/fixtures/';
const fixture = (name: string): string => fileURLToPath(new URL(`${FIXTURES}${name}`, import.meta.url));
const TENANT = 'aaaaaaaa-0000-4000-8000-000000000001';
const SUBSCRIPTION = 'bbbbbbbb-0000-4000-8000-000000000002';
const ACCOUNT = 'imagestore';
const STORAGE_SCOPE = 'https://storage.azure.com/.default';

/** Microsoft Entra ID, Azure Resource Manager and one storage account, behind one address with TLS. */
export class FakeAzure {
  readonly blobs = new FakeBlobService(ACCOUNT, 'images');
  readonly manager = new FakeResourceManager(this.blobs, SUBSCRIPTION);
  readonly server = new ProviderServer('azure', (call) => this.handle(call), {
    cert: readFileSync(fixture('cert.pem')),
    key: readFileSync(fixture('key.pem')),
  });
  /** The secret of the service principal. */
  secret = 'correct-secret';
  readonly group = `/subscriptions/${SUBSCRIPTION}/resourceGroups/images`;
  readonly gallery = `${this.group}/providers/Microsoft.Compute/galleries/shared`;
  private readonly tokens = new Map<string, string>();

  constructor() {
    this.manager.add(this.gallery);
    this.manager.add(`${this.group}/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`, { kind: 'StorageV2' });
  }

  /** The variables of a worker with a service principal. */
  get env(): Record<string, string> {
    return { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: 'worker', AZURE_CLIENT_SECRET: this.secret };
  }

  /** A configuration for this server, with a gallery in which definitions are made. */
  configure(change: Record<string, unknown> = {}): AzureConfiguration {
    return azureSchema.parse({
      kind: 'azure',
      subscription: SUBSCRIPTION,
      resource_group: 'images',
      region: 'westeurope',
      storage: { account: ACCOUNT, container: 'images' },
      gallery: { name: 'shared', create_definition: { publisher: 'example' } },
      endpoints: { management: this.server.url, login: this.server.url, blob: `${this.server.url}/${ACCOUNT}` },
      ca: fixture('cert.pem'),
      ...change,
    });
  }

  private handle(call: ProviderCall): ProviderReply {
    if (call.path === `/${TENANT}/oauth2/v2.0/token`) return this.giveToken(call);
    if (call.path.endsWith('/.well-known/openid-configuration')) return describeLogin(call);
    const isBlob = call.path.startsWith(`/${ACCOUNT}/`);
    const scope = isBlob ? STORAGE_SCOPE : `${call.origin}/.default`;
    const [scheme, token = ''] = (call.headers.authorization ?? '').split(' ');
    const isKnown = scheme === 'Bearer' && this.tokens.get(token) === scope;
    if (isBlob) {
      return isKnown
        ? this.blobs.handle(call, call.path.slice(ACCOUNT.length + 1))
        : failBlob(401, 'InvalidAuthenticationInfo');
    }
    return isKnown
      ? this.manager.handle(call)
      : failManager(401, 'InvalidAuthenticationToken', 'The token is invalid.');
  }

  /** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
  private giveToken({ body }: ProviderCall): ProviderReply {
    const form = new URLSearchParams(body.toString());
    if (form.get('client_secret') !== this.secret || form.get('client_id') !== 'worker') {
      const text = 'AADSTS7000215: Invalid client secret provided. Trace ID: 1 Correlation ID: 2';
      return json(401, { error: 'invalid_client', error_description: text, error_codes: [7000215] });
    }
    const scope = (form.get('scope') ?? '').split(' ')[0] ?? '';
    const token = `token-${this.tokens.size + 1}`;
    this.tokens.set(token, scope);
    return json(200, { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: token });
  }
}

function describeLogin({ origin }: ProviderCall): ProviderReply {
  return json(200, {
    issuer: `${origin}/${TENANT}/v2.0`,
    authorization_endpoint: `${origin}/${TENANT}/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/${TENANT}/oauth2/v2.0/token`,
    jwks_uri: `${origin}/${TENANT}/discovery/v2.0/keys`,
  });
}
