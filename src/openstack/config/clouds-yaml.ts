import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { FactoryError } from '../../domain/errors.js';
import { parsePythonYaml } from './python-yaml.js';

/** Environment variables; `process.env` has this type. */
export type Environment = Record<string, string | undefined>;

/** A mapping of a configuration file, not yet validated. */
export type Document = Record<string, unknown>;

/** One cloud as `clouds.yaml` and `secure.yaml` describe it, not yet validated and without its profile. */
export interface CloudEntry {
  name: string;
  /** Path of the file that contains the entry, for error messages. */
  file: string;
  /** Usually a mapping. It can be anything, because a mistake in an unused entry must not disturb the other clouds. */
  entry: unknown;
}

const EXTENSIONS = ['yaml', 'yml', 'json'];

/** The error for a mistake in a configuration file. */
export function configError(file: string, what: string, hint?: string): FactoryError {
  return new FactoryError('UnknownCloud', `${file}: ${what}`, { hint });
}

/** Reads a file. Returns undefined when the read fails with one of the error codes in `reasons`. */
function readUnless(reasons: string[], file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (reasons.some((reason) => reason === code)) return undefined;
    throw configError(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads a file; returns undefined when it does not exist. */
export function readFileIfExists(file: string): string | undefined {
  return readUnless(['ENOENT', 'ENOTDIR'], file);
}

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseFile(file: string, text: string): Document {
  let document: unknown;
  try {
    document = parsePythonYaml(text);
  } catch (error) {
    // We quote only the first line: the rest of the parser's message quotes the file, which contains passwords.
    const line = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
    throw configError(file, `is not valid YAML: ${line.replace(/:$/, '')}`);
  }
  if (document === null) return {};
  if (!isDocument(document)) throw configError(file, 'is not a mapping of keys to values');
  return document;
}

/**
 * Lists the folders that may contain the configuration files. We search the folders in this order, as openstacksdk
 * does. Like openstacksdk, we search `~/.config` even if XDG_CONFIG_HOME names another folder.
 */
function listFolders(env: Environment, directory: string): string[] {
  const home = join(env['SNAP_REAL_HOME'] || findHome(env), '.config');
  const shared = (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':');
  const parents = [env['XDG_CONFIG_HOME'] || home, home, ...shared, '/etc'];
  return [...new Set([directory, ...parents.map((parent) => join(parent, 'openstack'))])];
}

function findHome(env: Environment): string {
  return env['HOME'] || homedir();
}

/** Makes a path of a configuration absolute: `~` is the home directory. */
export function expandPath(path: string, env: Environment, directory: string): string {
  return path.startsWith('~/') ? join(findHome(env), path.slice(2)) : resolve(directory, path);
}

/** Lists the paths where we search for the file `stem`. */
function listCandidates(stem: string, env: Environment, directory: string): string[] {
  return listFolders(env, directory).flatMap((folder) =>
    EXTENSIONS.map((extension) => join(folder, `${stem}.${extension}`)),
  );
}

interface Found {
  file: string;
  document: Document;
}

/** Reads the first file for `stem` that exists. As openstacksdk does, we skip a file that we may not read. */
function findFile(stem: string, env: Environment, directory: string): Found | undefined {
  for (const file of listCandidates(stem, env, directory)) {
    const text = readUnless(['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'], file);
    if (text !== undefined) return { file, document: parseFile(file, text) };
  }
  return undefined;
}

/**
 * Reads the file that the variable names. If the variable is not set, reads the first file that we find. If the named
 * file does not exist, openstacksdk searches for another file. We throw an error, because such a file may describe
 * another cloud.
 */
function readNamedOrFound(variable: string, stem: string, env: Environment, directory: string): Found | undefined {
  const named = env[variable];
  if (!named) return findFile(stem, env, directory);
  const file = resolve(directory, named);
  const text = readFileIfExists(file);
  if (text !== undefined) return { file, document: parseFile(file, text) };
  throw configError(named, 'does not exist', `correct the path in the variable ${variable}, or unset the variable`);
}

/** Merges two mappings key by key; any value in `over` that is not a mapping replaces the value in `base`. */
function mergeTables(base: Document, over: Document): Document {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    if (isDocument(before) && isDocument(value)) merged[key] = mergeTables(before, value);
    // A key without a value does not remove an earlier value. openstacksdk fails in this case.
    else if (value !== null || before === undefined) merged[key] = value;
  }
  return merged;
}

function readTable(found: Found | undefined, key: string): Document {
  const table = found?.document[key];
  if (found === undefined || table === undefined || table === null) return {};
  if (!isDocument(table)) throw configError(found.file, `${key} is not a mapping of names to clouds`);
  return table;
}

/**
 * Reads all clouds of `clouds.yaml` and `secure.yaml`. The keys in `secure.yaml` override the keys in `clouds.yaml`. We
 * search for the files in the same places as openstackclient
 * (https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html).
 * @param directory the current directory
 * @throws FactoryError UnknownCloud when a file cannot be read or parsed
 */
export function readCloudEntries(env: Environment, directory: string): CloudEntry[] {
  const clouds = readNamedOrFound('OS_CLIENT_CONFIG_FILE', 'clouds', env, directory);
  const secure = readNamedOrFound('OS_CLIENT_SECURE_FILE', 'secure', env, directory);
  const open = readTable(clouds, 'clouds');
  return Object.entries(mergeTables(open, readTable(secure, 'clouds'))).map(([name, entry]) => ({
    name,
    file: (name in open ? clouds?.file : secure?.file) ?? '',
    entry,
  }));
}

/** Reads the profiles of `clouds-public.yaml`, by their names. */
export function readPublicProfiles(env: Environment, directory: string): Document {
  return readTable(findFile('clouds-public', env, directory), 'public-clouds');
}

/** Describes, for messages, the paths where we search for `clouds.yaml`. */
export function describeSearchPath(env: Environment, directory: string): string {
  const named = env['OS_CLIENT_CONFIG_FILE'];
  if (named) return resolve(directory, named);
  const files = listCandidates('clouds', env, directory).filter((file) => file.endsWith('.yaml'));
  return files.map((file) => (dirname(file) === directory ? './clouds.yaml' : file)).join(', ');
}
