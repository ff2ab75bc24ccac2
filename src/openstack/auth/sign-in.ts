import type { HttpRequest } from '../http/http.js';
import type { CloudSettings, Credentials, NameOrId } from '../config/cloud-settings.js';

export const PRODUCT = 'Keystone';

/** The `auth.identity` of a sign-in. */
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

/** The `auth.scope` of a sign-in: the project, unless the credentials belong to one anyway. */
function buildScope({ credentials, project }: CloudSettings): Record<string, unknown> | undefined {
  if (credentials.method === 'applicationCredential' || project === undefined) return undefined;
  if (project.id !== undefined) return { project: { id: project.id } };
  return { project: { name: project.name, domain: buildReference(project.domain) } };
}

/** The settings' own token where it is bound to a project already: some, as those of application credentials, give no other. */
export function findScopedToken({ credentials, project }: CloudSettings): string | undefined {
  return credentials.method === 'token' && project === undefined ? credentials.token : undefined;
}

/** Asks for a token (https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management). */
export function buildTokenRequest(base: string, settings: CloudSettings): HttpRequest {
  const scope = buildScope(settings);
  const auth = { identity: buildIdentity(settings.credentials), ...(scope === undefined ? {} : { scope }) };
  return {
    product: PRODUCT,
    method: 'POST',
    url: `${base}/auth/tokens`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  };
}

/** Asks what a token is worth. */
export function buildInspectionRequest(base: string, token: string): HttpRequest {
  const headers = { 'x-auth-token': token, 'x-subject-token': token };
  return { product: PRODUCT, method: 'GET', url: `${base}/auth/tokens`, headers };
}
