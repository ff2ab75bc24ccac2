import { configError, type Document, isDocument } from './config-files.js';
import { selectRegion } from './regions.js';

/**
 * Keys of the sign-in that may stand beside `auth` instead of in it, as openstacksdk moves them. Where both are given,
 * `auth` counts.
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
/** Keys of the sign-in with their spellings, the strongest one last. The one beside `auth` counts before that in it. */
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

/** The entry of a cloud with all that holds for it: every key under one name, and the sign-in's keys in `auth`. */
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

/** Writes every key with underscores; of a key in both spellings, the later one counts. */
function unifyKeys(table: Document): Document {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key.replaceAll('-', '_'), value]));
}

/** Puts a mapping over the entry. `auth` is merged key by key, every other key is replaced. */
function putOver(entry: FlatEntry, over: Document, where: string): void {
  const { auth, ...rest } = over;
  if (isGiven(auth) && !isDocument(auth)) throw configError(where, 'auth must be a mapping of keys to values');
  Object.assign(entry.auth, auth);
  Object.assign(entry.rest, rest);
}

/** Gives the sign-in's keys that have several spellings their one name, and puts them into `auth`. */
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

/** Makes the domain of an entry with a project the domain of the user and of the project, unless these are given. */
function spreadDomain({ auth }: FlatEntry): void {
  if (auth['project_id'] === undefined && auth['project_name'] === undefined) return;
  for (const kind of ['id', 'name']) {
    const domain = auth[`domain_${kind}`];
    delete auth[`domain_${kind}`];
    if (domain === undefined) continue;
    for (const owner of ['user', 'project']) auth[`${owner}_domain_${kind}`] ??= domain;
  }
}

/** Gives old keys such as `image_endpoint_type` their new names; where both names are given, the later key counts. */
function renameInterfaces(table: Document): Document {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]) => [key.replace(/endpoint_type$/, 'interface'), value]),
  );
}

/** Fills the names of keys in braces, as in `https://{region_name}.example`. Leaves a name that no key has. */
function fillIn(text: string, keys: Document): string {
  return text.replaceAll(/\{(\w+)\}/g, (braces, key: string) => (typeof keys[key] === 'string' ? keys[key] : braces));
}

/**
 * Puts together what holds for a cloud, as `get_one` of openstacksdk does: its profile, its entry, what its region
 * adds, and the variables that override it.
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
    // Variables count before everything else, also where openstacksdk would prefer `auth`.
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
