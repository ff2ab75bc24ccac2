import { configError, type Document, isDocument } from './clouds-yaml.js';
import { selectRegion } from './regions.js';

/**
 * Keys of the sign-in that an entry may have beside `auth` instead of inside `auth`. As openstacksdk does, we move them
 * into `auth`, unless `auth` already has the key.
 */
const SIGN_IN_KEYS = [
  'auth_url',
  'username',
  'user_id',
  'password',
  'application_credential_id',
  'application_credential_name',
  'application_credential_secret',
  'default_domain',
  'default_domain_id',
  'default_domain_name',
  'system_scope',
  'trust_id',
];
/**
 * Keys of the sign-in that have several spellings. If an entry has a key in several spellings, the last spelling in the
 * list counts. If the same spelling is both inside and beside `auth`, the value beside `auth` counts.
 */
const SPELLINGS: Record<string, string[]> = {
  project_id: ['tenant_id', 'tenant-id', 'project_id', 'project-id'],
  project_name: ['tenant_name', 'tenant-name', 'project_name', 'project-name'],
  domain_id: ['domain_id', 'domain-id'],
  domain_name: ['domain_name', 'domain-name'],
  user_domain_id: ['user_domain_id', 'user-domain-id'],
  user_domain_name: ['user_domain_name', 'user-domain-name'],
  project_domain_id: ['project_domain_id', 'project-domain-id'],
  project_domain_name: ['project_domain_name', 'project-domain-name'],
  token: ['auth-token', 'auth_token', 'token'],
};

/**
 * The entry of a cloud, merged with its profile, its region and the variables. Every key has only one spelling, and
 * `auth` has all keys of the sign-in.
 */
export interface FlatEntry {
  auth: Document;
  /** The keys beside `auth`. */
  rest: Document;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isFilled(value: unknown): boolean {
  return isGiven(value) && value !== '';
}

/** Replaces the dashes in all keys by underscores. If a mapping has a key in both spellings, the later one counts. */
function unifyKeys(table: Document): Document {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key.replaceAll('-', '_'), value]));
}

/** Overrides the entry by a mapping. Merges `auth` key by key, and replaces the whole value of every other key. */
function putOver(entry: FlatEntry, over: Document, where: string): void {
  const { auth, ...rest } = over;
  if (isGiven(auth) && !isDocument(auth)) throw configError(where, 'auth must be a mapping of keys to values');
  Object.assign(entry.auth, auth);
  Object.assign(entry.rest, rest);
}

/** Gives every key of {@link SPELLINGS} one spelling, and moves it into `auth`. */
function unifySpellings({ auth, rest }: FlatEntry): void {
  for (const [key, spellings] of Object.entries(SPELLINGS)) {
    let value: unknown;
    for (const spelling of spellings) {
      for (const table of [auth, rest]) {
        if (isFilled(table[spelling])) value = table[spelling];
        delete table[spelling];
      }
    }
    if (value !== undefined) auth[key] = value;
  }
}

/**
 * If the entry names a project, the keys `domain_id` and `domain_name` of the entry are for both the user and the
 * project. A key for one of them, such as `user_domain_id`, overrides the common key.
 */
function spreadDomain({ auth }: FlatEntry): void {
  if (auth['project_id'] === undefined && auth['project_name'] === undefined) return;
  for (const kind of ['id', 'name']) {
    const domain = auth[`domain_${kind}`];
    delete auth[`domain_${kind}`];
    if (domain === undefined) continue;
    for (const owner of ['user', 'project']) auth[`${owner}_domain_${kind}`] ??= domain;
  }
}

/** Renames old keys: `image_endpoint_type` becomes `image_interface`. If a mapping has both, the later one counts. */
function renameInterfaces(table: Document): Document {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [key.replace(/endpoint_type$/, 'interface'), value]),
  );
}

/**
 * Replaces a key in braces by its value, as in `https://{region_name}.example`. Leaves the braces when no key has the
 * name.
 */
function fillIn(text: string, keys: Document): string {
  return text.replaceAll(/\{(\w+)\}/g, (braces, key: string) => (typeof keys[key] === 'string' ? keys[key] : braces));
}

/**
 * Merges all settings of a cloud, as `get_one` of openstacksdk does: the profile, the entry, the values of the region,
 * and the variables. In this order, the later settings override the earlier settings.
 * @param overrides keys from the environment
 */
export function flattenEntry(profile: Document, entry: Document, overrides: Document, where: string): FlatEntry {
  const flat: FlatEntry = { auth: {}, rest: { interface: undefined } };
  putOver(flat, profile, where);
  putOver(flat, entry, where);
  const { region_name: wanted, ...others } = overrides;
  const region = selectRegion(unifyKeys(entry), profile, typeof wanted === 'string' ? wanted : undefined, where);
  putOver(flat, Object.fromEntries(Object.entries(region.values).filter(([, value]) => isGiven(value))), where);
  flat.rest['region_name'] = region.name;
  for (const [key, value] of Object.entries(others)) {
    // Variables override everything else, even where openstacksdk would prefer `auth`.
    if (SIGN_IN_KEYS.includes(key)) flat.auth[key] = value;
    else flat.rest[key] = value;
  }
  unifySpellings(flat);
  spreadDomain(flat);
  const auth = unifyKeys(flat.auth);
  const rest = unifyKeys(renameInterfaces(flat.rest));
  rest['auth_type'] = flat.rest['auth_type'] ?? flat.rest['auth_plugin'];
  for (const key of SIGN_IN_KEYS) {
    if (!isFilled(auth[key])) auth[key] = rest[key];
  }
  auth['username'] ??= auth['user_name'] ?? rest['user_name'];
  if (typeof auth['auth_url'] === 'string') auth['auth_url'] = fillIn(auth['auth_url'], rest);
  for (const [key, value] of Object.entries(rest)) {
    if (typeof value === 'string') rest[key] = fillIn(value, rest);
  }
  return { auth, rest };
}
