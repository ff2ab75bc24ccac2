import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { FactoryError } from '../../domain/errors.js';

/** Environment variables; `process.env` has this type. */
export type Environment = Record<string, string | undefined>;

/** One cloud as the configuration files describe it, not yet validated. */
export interface CloudEntry {
  name: string;
  /** Path of the file that contains the entry, for error messages. */
  file: string;
  entry: Record<string, unknown>;
}

type Document = Record<string, unknown>;

const EXTENSIONS = ['yaml', 'yml', 'json'];

/** The error for a mistake in a configuration file. */
export function configError(file: string, what: string, hint?: string): FactoryError {
  return new FactoryError('UnknownCloud', `${file}: ${what}`, { hint });
}

/** Reads a file; returns undefined when it does not exist. */
export function readFileIfExists(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw configError(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readDocument(file: string): Document | undefined {
  const text = readFileIfExists(file);
  if (text === undefined) return undefined;
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    // We quote only the first line: the rest of the parser's message quotes the file, which contains passwords.
    const line = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
    throw configError(file, `is not valid YAML: ${line.replace(/:$/, '')}`);
  }
  if (document === null) return {};
  if (!isDocument(document)) throw configError(file, 'is not a mapping of keys to values');
  return document;
}

/** Lists the folders that may contain the configuration files. We search the folders in this order. */
function listFolders(env: Environment, directory: string): string[] {
  const home = env['HOME'] ?? homedir();
  const config = env['XDG_CONFIG_HOME'] || join(home, '.config');
  return [directory, join(config, 'openstack'), '/etc/openstack'];
}

/**
 * Lists the paths of a configuration file that we try: only the path in the environment variable `variable` if it is
 * set, else the file `stem` (with each extension) in every search folder.
 */
function listCandidates(stem: string, variable: string | undefined, env: Environment, directory: string): string[] {
  const named = variable === undefined ? undefined : env[variable];
  if (named) return [resolve(directory, named)];
  return listFolders(env, directory).flatMap((folder) =>
    EXTENSIONS.map((extension) => join(folder, `${stem}.${extension}`)),
  );
}

interface Found {
  file: string;
  document: Document;
}

function readFirst(files: string[]): Found | undefined {
  for (const file of files) {
    const document = readDocument(file);
    if (document !== undefined) return { file, document };
  }
  return undefined;
}

/** Merges two mappings key by key; any value in `over` that is not a mapping replaces the value in `base`. */
function mergeTables(base: Document, over: Document): Document {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isDocument(before) && isDocument(value) ? mergeTables(before, value) : value;
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
 * Finds the profile in `clouds-public.yaml` that a cloud's entry names; returns an empty one if the entry names none.
 */
function findProfile(entry: Document, profiles: Document, publicFile: string | undefined, where: string): Document {
  const name = entry['profile'] ?? entry['cloud'];
  if (name === undefined) return {};
  const profile = typeof name === 'string' ? profiles[name] : undefined;
  if (isDocument(profile)) return profile;
  throw configError(
    where,
    `profile ${String(name)} is not in ${publicFile ?? 'clouds-public.yaml, because that file does not exist'}`,
  );
}

/**
 * Reads all clouds of `clouds.yaml`. The keys in `secure.yaml` override those of an entry, and the entry overrides its
 * profile from `clouds-public.yaml`. We search for the files in the same places as openstackclient
 * (https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html).
 * @param directory the current directory
 * @throws FactoryError UnknownCloud when a file cannot be read or parsed
 */
export function readCloudEntries(env: Environment, directory: string): CloudEntry[] {
  if (
    env['OS_CLIENT_CONFIG_FILE'] &&
    readFileIfExists(resolve(directory, env['OS_CLIENT_CONFIG_FILE'])) === undefined
  ) {
    throw configError(
      env['OS_CLIENT_CONFIG_FILE'],
      'does not exist',
      'correct the path in the variable OS_CLIENT_CONFIG_FILE, or unset the variable',
    );
  }
  const clouds = readFirst(listCandidates('clouds', 'OS_CLIENT_CONFIG_FILE', env, directory));
  if (clouds === undefined) return [];
  const secure = readTable(readFirst(listCandidates('secure', 'OS_CLIENT_SECURE_FILE', env, directory)), 'clouds');
  const publicFile = readFirst(listCandidates('clouds-public', undefined, env, directory));
  const profiles = readTable(publicFile, 'public-clouds');
  return Object.entries(readTable(clouds, 'clouds')).map(([name, entry]) => {
    const where = `${clouds.file}: clouds.${name}`;
    if (!isDocument(entry)) throw configError(where, 'is not a mapping of keys to values');
    const secret = secure[name];
    const own = isDocument(secret) ? mergeTables(entry, secret) : entry;
    return { name, file: clouds.file, entry: mergeTables(findProfile(own, profiles, publicFile?.file, where), own) };
  });
}

/** Describes, for messages, the paths where we search for `clouds.yaml`. */
export function describeSearchPath(env: Environment, directory: string): string {
  const files = listCandidates('clouds', 'OS_CLIENT_CONFIG_FILE', env, directory);
  const named = files.length === 1 ? files : files.filter((file) => file.endsWith('.yaml'));
  return named.map((file) => (dirname(file) === directory ? './clouds.yaml' : file)).join(', ');
}
