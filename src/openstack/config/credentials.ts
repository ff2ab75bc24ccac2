import type { CloudSettings, Credentials, NameOrId } from './cloud-settings.js';
import type { Auth, Entry } from './entry-schema.js';
import { keyError, type Source } from './source.js';

/** The known spellings of `auth_type`, each with our name of the method. */
const METHODS: Record<string, Credentials['method']> = {
  password: 'password',
  v3password: 'password',
  token: 'token',
  v3token: 'token',
  v3applicationcredential: 'applicationCredential',
  v3_application_credential: 'applicationCredential',
  application_credential: 'applicationCredential',
};

/**
 * Finds the method of the sign-in: the method that `auth_type` names. Without `auth_type`, the method depends on the
 * credentials that the entry has: an application credential, else a password, else a token.
 */
function readMethod(entry: Entry, source: Source): Credentials['method'] {
  const { auth, auth_type: given } = entry;
  if (given !== undefined && given !== '') {
    const method = METHODS[given.toLowerCase()];
    if (method !== undefined) return method;
    throw keyError(
      source,
      'auth_type',
      `is ${given}, which this program does not support`,
      'use password (v3password), v3applicationcredential or token (v3token); ' +
        'an application credential works however a user signs in; this command creates one: openstack application credential create',
    );
  }
  // openstackclient requires `auth_type` for every method except the password. We do not require it.
  if (auth.application_credential_id ?? auth.application_credential_name) return 'applicationCredential';
  return auth.token !== undefined && auth.password === undefined ? 'token' : 'password';
}

/**
 * Reads the domain of a user or a project as keystoneauth does: an id always overrides a name. An entry with no domain
 * gets the id in `default_domain`, or else `default`, the id of the domain that every Keystone has from the beginning.
 */
function readDomain(auth: Auth, id: string | undefined, name: string | undefined): NameOrId {
  const anyId = id ?? auth.default_domain_id;
  if (anyId !== undefined) return { id: anyId };
  const anyName = name ?? auth.default_domain_name;
  return anyName === undefined ? { id: auth.default_domain ?? 'default' } : { name: anyName };
}

function requireValue(value: string | undefined, key: string, source: Source): string {
  if (value !== undefined && value !== '') return value;
  throw keyError(source, key, 'is missing');
}

/** Reads how to sign in. @throws FactoryError UnknownCloud, whose message names what is missing or not supported */
export function readCredentials(entry: Entry, source: Source): Credentials {
  const { auth } = entry;
  const method = readMethod(entry, source);
  if (method === 'token') return { method, token: requireValue(auth.token, 'auth.token', source) };
  const user = { id: auth.user_id, name: auth.username };
  const userDomain = readDomain(auth, auth.user_domain_id, auth.user_domain_name);
  if (method === 'password') {
    requireValue(user.id ?? user.name, 'auth.username', source);
    return { method, user, userDomain, password: requireValue(auth.password, 'auth.password', source) };
  }
  const credential = { id: auth.application_credential_id, name: auth.application_credential_name };
  requireValue(credential.id ?? credential.name, 'auth.application_credential_id', source);
  // Different users may have application credentials of the same name, so the name requires the user.
  if (credential.id === undefined) requireValue(user.id ?? user.name, 'auth.username', source);
  const secret = requireValue(auth.application_credential_secret, 'auth.application_credential_secret', source);
  return { method, credential, user, userDomain, secret };
}

/** The keys that ask for a token whose scope is not a project. */
const OTHER_SCOPES = ['system_scope', 'trust_id', 'domain_id', 'domain_name'] as const;

/**
 * Reads the project to sign in to; returns undefined when the entry names none.
 * @throws FactoryError UnknownCloud when the entry asks for a token of a domain, a trust or the whole system
 */
export function readProject(auth: Auth, source: Source): CloudSettings['project'] {
  const { project_id: id, project_name: name } = auth;
  const other = OTHER_SCOPES.find((key) => auth[key] !== undefined && auth[key] !== '');
  if (other !== undefined) {
    throw keyError(
      source,
      `auth.${other}`,
      'asks for a token that belongs to no project, but builds need a project',
      'name a project instead: project_name and project_domain_name',
    );
  }
  if (id === undefined && name === undefined) return undefined;
  return { id, name, domain: readDomain(auth, auth.project_domain_id, auth.project_domain_name) };
}
