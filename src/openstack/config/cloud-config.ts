import { defined } from '../../domain/defined.js';
import type { CloudSettings } from './cloud-settings.js';
import { type CloudEntry, configError, type Document, type Environment, isDocument, readPublicProfiles } from './clouds-yaml.js'; // prettier-ignore
import { readCredentials, readProject } from './credentials.js';
import { entrySchema } from './entry-schema.js';
import { flattenEntry } from './flatten-entry.js';
import { findProfile } from './profiles.js';
import { listRemarks } from './remarks.js';
import { readInterfaces, readServices } from './services.js';
import { keyError, type Source, validate } from './source.js';
import { readTls } from './tls.js';

/** The default name of the cloud that the `OS_*` variables describe; openstackclient uses the same name. */
const ENVIRONMENT_CLOUD = 'envvars';

/** Variables that select a cloud or a file. They are not keys of a cloud. */
const SELECTORS = ['OS_CLOUD', 'OS_CLOUD_NAME', 'OS_CLIENT_CONFIG_FILE', 'OS_CLIENT_SECURE_FILE'];

/** Returns the name of the cloud that the `OS_*` variables describe. */
export function nameEnvironmentCloud(env: Environment): string {
  return env['OS_CLOUD_NAME'] || ENVIRONMENT_CLOUD;
}

/** Checks whether the `OS_*` variables describe a cloud: they do if OS_AUTH_URL is set. */
export function hasEnvironmentCloud(env: Environment): boolean {
  return Boolean(env['OS_AUTH_URL']);
}

/** Converts the `OS_*` variables to keys: `OS_REGION_NAME` is the key `region_name`. */
function readVariables(env: Environment): Document {
  return Object.fromEntries(
    Object.entries(env)
      .filter(([name, value]) => name.startsWith('OS_') && value && !SELECTORS.includes(name))
      .map(([name, value]) => [name.slice('OS_'.length).toLowerCase(), value]),
  );
}

/** Returns the name of the `OS_*` variable for a key: `auth.username` becomes `OS_USERNAME`. */
function nameVariable(key: string): string {
  return `OS_${key.replace(/^auth\./, '').toUpperCase()}`;
}

function readSettings(name: string, entry: Document, overrides: Document, source: Source): CloudSettings {
  const { env, directory } = source;
  const { profile, isUnknown } = findProfile(entry, () => readPublicProfiles(env, directory), source);
  const flat = flattenEntry(profile, entry, overrides, source.entry);
  if (isUnknown && !flat.auth['auth_url']) {
    throw keyError(
      source,
      'profile',
      'names a profile that is not known, and there is no auth_url',
      'correct the name of the profile, describe it in clouds-public.yaml, or give auth_url',
    );
  }
  const settings = validate(entrySchema, { ...flat.rest, auth: flat.auth }, source);
  const tls = readTls(settings, source);
  return {
    name,
    authUrl: settings.auth.auth_url,
    credentials: readCredentials(settings, source),
    project: readProject(settings.auth, source),
    region: settings.region_name || undefined,
    interfaces: readInterfaces(settings.interface, 'interface', source),
    tls,
    ...readServices(flat.rest, source),
    remarks: listRemarks(flat.rest, isUnknown, tls.insecure === true, source),
  };
}

/**
 * Reads the settings of the cloud that the `OS_*` variables describe.
 * @throws FactoryError UnknownCloud, whose message names the wrong variable
 */
export function readEnvironmentSettings(env: Environment, directory: string): CloudSettings {
  const where = 'the environment';
  const source = { where, entry: where, keyName: nameVariable, env, directory };
  return readSettings(nameEnvironmentCloud(env), readVariables(env), {}, source);
}

/**
 * Reads the keys from the environment that override the entry of a cloud. As in the command `openstack`, all `OS_*`
 * variables override the entry of the cloud that `OS_CLOUD` names. For every other cloud, only `OS_INSECURE` overrides
 * the entry.
 */
function readOverrides(name: string, env: Environment): Document {
  if (env['OS_CLOUD'] !== name) return env['OS_INSECURE'] ? { insecure: env['OS_INSECURE'] } : {};
  const { tenant_id: id, tenant_name: old, ...keys } = readVariables(env);
  // For the command `openstack`, OS_PROFILE is a key of the profiler osprofiler, and not the name of a profile.
  delete keys['profile'];
  // The command `openstack` accepts these old names of project_id and project_name.
  return { ...defined({ project_id: id, project_name: old }), ...keys };
}

/**
 * Reads the settings of a cloud of `clouds.yaml`, as openstackclient does.
 * @throws FactoryError UnknownCloud, whose message names the file and the wrong key
 */
export function readEntrySettings(
  { name, file, entry }: CloudEntry,
  env: Environment,
  directory: string,
): CloudSettings {
  const overrides = readOverrides(name, env);
  const source: Source = {
    where: file,
    entry: `${file}: clouds.${name}`,
    keyName: (key) => {
      const own = key.replace(/^auth\./, '');
      return own in overrides ? nameVariable(key) : `clouds.${name}.${key}`;
    },
    env,
    directory,
  };
  if (name === nameEnvironmentCloud(env)) {
    throw configError(
      file,
      `the cloud ${name} has the name of the cloud that the OS_* variables describe`,
      'give it another name, as openstackclient demands, too',
    );
  }
  if (entry === null) throw configError(source.entry, 'is empty');
  if (!isDocument(entry)) throw configError(source.entry, 'is not a mapping of keys to values');
  return readSettings(name, entry, overrides, source);
}
