import { defined } from '../../domain/defined.js';
import type { HttpRequest } from '../../http/http.js';
import type { CloudSettings, Credentials, NameOrId } from '../config/cloud-settings.js';

export const PRODUCT = 'Keystone';

/** Builds the `auth.identity` part of a token request. */
function buildIdentity(credentials: Credentials): Record<string, unknown> {
  switch (credentials.method) {
    case 'password': {
      const user = buildUser(credentials.user, credentials.userDomain);
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
          ...(named ? { user: buildUser(credentials.user, credentials.userDomain) } : {}),
        },
      };
    }
    case 'token':
      return { methods: ['token'], token: { id: credentials.token } };
  }
}

function buildUser(user: NameOrId, domain: NameOrId): Record<string, unknown> {
  return user.id === undefined ? { name: user.name, domain: buildReference(domain) } : { id: user.id };
}

function buildReference({ id, name }: NameOrId): NameOrId {
  return id === undefined ? { name } : { id };
}

/** Builds the `auth.scope` part of a token request: the project, unless the credentials belong to one already. */
function buildScope({ credentials, project }: CloudSettings): Record<string, unknown> | undefined {
  if (credentials.method === 'applicationCredential' || project === undefined) return undefined;
  if (project.id !== undefined) return { project: { id: project.id } };
  return { project: { name: project.name, domain: buildReference(project.domain) } };
}

/**
 * Returns the configured token if the settings name no project: we then assume that the token already has a project,
 * and use the token itself. We do not exchange it for a new one, because some tokens, such as those of application
 * credentials, cannot be exchanged.
 */
export function findScopedToken({ credentials, project }: CloudSettings): string | undefined {
  return credentials.method === 'token' && project === undefined ? credentials.token : undefined;
}

/**
 * Builds the request for a new token
 * (https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management).
 */
export function buildTokenRequest(base: string, settings: CloudSettings): HttpRequest {
  const scope = buildScope(settings);
  const auth = defined({ identity: buildIdentity(settings.credentials), scope });
  return {
    product: PRODUCT,
    method: 'POST',
    url: `${base}/auth/tokens`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  };
}

/** Builds the request for the details of an existing token: its project, its catalogue, its expiry. */
export function buildInspectionRequest(base: string, token: string): HttpRequest {
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  return { product: PRODUCT, method: 'GET', url: `${base}/auth/tokens`, headers };
}
