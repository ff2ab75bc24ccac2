import { isAbsolute, join, resolve } from 'node:path';
import { homedir } from 'node:os';
import { type Entry, entrySchema } from './entry-schema.js';
import { type CloudEntry, configError, type Environment, readFileIfExists } from './config-files.js';
import type { CloudSettings, Credentials, Interface, NameOrId } from './cloud-settings.js';

/** The name of the cloud that the `OS_*` variables describe; openstackclient uses the same name. */
export const ENVIRONMENT_CLOUD = 'envvars';

type Auth = Entry['auth'];

/** Converts the path of a key, such as `auth.username`, to the name of that key in the source. */
type KeyName = (path: string) => string;

/** A source of settings. Error messages name the keys of a file, or the variables of the environment. */
interface Source {
  /** The file's path, or `the environment`. */
  where: string;
  keyName: KeyName;
}

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

function readMethod(entry: Entry, source: Source): Credentials['method'] {
  const { auth, auth_type: given } = entry;
  if (given !== undefined) {
    const method = METHODS[given.toLowerCase()];
    if (method !== undefined) return method;
    throw configError(
      source.where,
      `${source.keyName('auth_type')} is ${given}, which this program does not support`,
      'use password (v3password), v3applicationcredential or token (v3token)',
    );
  }
  if (auth.application_credential_id ?? auth.application_credential_name) return 'applicationCredential';
  return auth.token !== undefined && auth.password === undefined ? 'token' : 'password';
}

/** Reads a domain: the id if there is one, else the name, else the default domain of the entry, else `default`. */
function readDomain(auth: Auth, id: string | undefined, name: string | undefined): NameOrId {
  if (id !== undefined) return { id };
  if (name !== undefined) return { name };
  if (auth.domain_id !== undefined) return { id: auth.domain_id };
  if (auth.domain_name !== undefined) return { name: auth.domain_name };
  if (auth.default_domain_name !== undefined) return { name: auth.default_domain_name };
  return { id: auth.default_domain_id ?? auth.default_domain ?? 'default' };
}

function requireValue(value: string | undefined, key: string, source: Source): string {
  if (value !== undefined && value !== '') return value;
  throw configError(source.where, `${source.keyName(key)} is missing`);
}

function readCredentials(entry: Entry, source: Source): Credentials {
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

function readProject(auth: Auth): CloudSettings['project'] {
  const id = auth.project_id ?? auth.tenant_id;
  const name = auth.project_name ?? auth.tenant_name;
  if (id === undefined && name === undefined) return undefined;
  return { id, name, domain: readDomain(auth, auth.project_domain_id, auth.project_domain_name) };
}

function readInterface(entry: Entry, source: Source): Interface {
  const given = entry.interface ?? entry.endpoint_type ?? 'public';
  const name = given.replace(/URL$/, '');
  if (name === 'public' || name === 'internal' || name === 'admin') return name;
  const key = source.keyName(entry.interface === undefined ? 'endpoint_type' : 'interface');
  throw configError(source.where, `${key} is ${given}, but it must be public, internal or admin`);
}

function readRegion(entry: Entry): string | undefined {
  const first = entry.regions?.[0];
  return entry.region_name ?? (typeof first === 'string' ? first : first?.name);
}

/** Reads a PEM file that the configuration names; returns undefined if the configuration names none. */
function readPemFile(file: string | undefined, key: string, source: Source, directory: string): string | undefined {
  if (file === undefined || file === '') return undefined;
  const expanded = file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
  const content = readFileIfExists(isAbsolute(expanded) ? expanded : resolve(directory, expanded));
  if (content !== undefined) return content;
  throw configError(source.where, `${source.keyName(key)} names the file ${file}, which does not exist`);
}

function readEndpointOverrides(entry: Entry): Record<string, string> {
  const named = {
    compute: entry.compute_endpoint_override,
    image: entry.image_endpoint_override,
    network: entry.network_endpoint_override,
    'block-storage': entry.block_storage_endpoint_override ?? entry.volume_endpoint_override,
  };
  return Object.fromEntries(
    Object.entries(named).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

function readSettings(name: string, raw: unknown, source: Source, directory: string): CloudSettings {
  const parsed = entrySchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    // The message must not quote the value, because the value may be a password.
    const key = source.keyName(issue?.path.join('.') ?? '');
    throw configError(source.where, `${key} ${issue?.message ?? 'is not readable'}`);
  }
  const entry = parsed.data;
  return {
    name,
    authUrl: entry.auth.auth_url,
    credentials: readCredentials(entry, source),
    project: readProject(entry.auth),
    region: readRegion(entry),
    interface: readInterface(entry, source),
    tls: {
      ca: readPemFile(entry.cacert, 'cacert', source, directory),
      cert: readPemFile(entry.cert, 'cert', source, directory),
      key: readPemFile(entry.key, 'key', source, directory) ?? readPemFile(entry.cert, 'cert', source, directory),
      insecure: entry.insecure ?? entry.verify === false,
    },
    endpointOverrides: readEndpointOverrides(entry),
  };
}

/** The `OS_*` variables, each with the key of `clouds.yaml` that has the same meaning. */
const VARIABLES: [string, string][] = [
  ['OS_AUTH_URL', 'auth.auth_url'],
  ['OS_USERNAME', 'auth.username'],
  ['OS_USER_ID', 'auth.user_id'],
  ['OS_PASSWORD', 'auth.password'],
  ['OS_TOKEN', 'auth.token'],
  ['OS_APPLICATION_CREDENTIAL_ID', 'auth.application_credential_id'],
  ['OS_APPLICATION_CREDENTIAL_NAME', 'auth.application_credential_name'],
  ['OS_APPLICATION_CREDENTIAL_SECRET', 'auth.application_credential_secret'],
  ['OS_PROJECT_ID', 'auth.project_id'],
  ['OS_PROJECT_NAME', 'auth.project_name'],
  ['OS_TENANT_ID', 'auth.tenant_id'],
  ['OS_TENANT_NAME', 'auth.tenant_name'],
  ['OS_USER_DOMAIN_ID', 'auth.user_domain_id'],
  ['OS_USER_DOMAIN_NAME', 'auth.user_domain_name'],
  ['OS_PROJECT_DOMAIN_ID', 'auth.project_domain_id'],
  ['OS_PROJECT_DOMAIN_NAME', 'auth.project_domain_name'],
  ['OS_DOMAIN_ID', 'auth.domain_id'],
  ['OS_DOMAIN_NAME', 'auth.domain_name'],
  ['OS_DEFAULT_DOMAIN', 'auth.default_domain'],
  ['OS_DEFAULT_DOMAIN_ID', 'auth.default_domain_id'],
  ['OS_DEFAULT_DOMAIN_NAME', 'auth.default_domain_name'],
  ['OS_AUTH_TYPE', 'auth_type'],
  ['OS_REGION_NAME', 'region_name'],
  ['OS_INTERFACE', 'interface'],
  ['OS_ENDPOINT_TYPE', 'endpoint_type'],
  ['OS_INSECURE', 'insecure'],
  ['OS_CACERT', 'cacert'],
  ['OS_CERT', 'cert'],
  ['OS_KEY', 'key'],
  ['OS_COMPUTE_ENDPOINT_OVERRIDE', 'compute_endpoint_override'],
  ['OS_IMAGE_ENDPOINT_OVERRIDE', 'image_endpoint_override'],
  ['OS_NETWORK_ENDPOINT_OVERRIDE', 'network_endpoint_override'],
  ['OS_BLOCK_STORAGE_ENDPOINT_OVERRIDE', 'block_storage_endpoint_override'],
  ['OS_VOLUME_ENDPOINT_OVERRIDE', 'volume_endpoint_override'],
];

/** Checks whether the `OS_*` variables describe a cloud: they do if OS_AUTH_URL is set. */
export function hasEnvironmentCloud(env: Environment): boolean {
  return Boolean(env['OS_AUTH_URL']);
}

/**
 * Reads the settings of the cloud that the `OS_*` variables describe.
 * @throws FactoryError UnknownCloud, whose message names the wrong variable
 */
export function readEnvironmentSettings(env: Environment, directory: string): CloudSettings {
  const auth: Record<string, string> = {};
  const entry: Record<string, unknown> = { auth };
  for (const [variable, key] of VARIABLES) {
    const value = env[variable];
    if (!value) continue;
    if (key.startsWith('auth.')) auth[key.slice('auth.'.length)] = value;
    else entry[key] = value;
  }
  const keyName: KeyName = (key) => VARIABLES.find(([, name]) => name === key)?.[0] ?? key;
  return readSettings(ENVIRONMENT_CLOUD, entry, { where: 'the environment', keyName }, directory);
}

/**
 * Reads the settings of a cloud of `clouds.yaml`. As in openstackclient, the `OS_*` variables override keys of the file
 * for the cloud that `OS_CLOUD` names, except the keys of the sign-in (`auth`, `auth_type`). `OS_INSECURE` overrides
 * the file for every cloud.
 * @throws FactoryError UnknownCloud, whose message names the file and the wrong key
 */
export function readEntrySettings(
  { name, file, entry }: CloudEntry,
  env: Environment,
  directory: string,
): CloudSettings {
  const raw = { ...entry };
  for (const [variable, key] of VARIABLES) {
    const holds = env['OS_CLOUD'] === name || key === 'insecure';
    if (holds && !key.startsWith('auth') && env[variable]) raw[key] = env[variable];
  }
  return readSettings(name, raw, { where: file, keyName: (key) => `clouds.${name}.${key}` }, directory);
}
