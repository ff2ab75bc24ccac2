import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { ProviderSettings } from '../types.js';
import type { RegistryConfiguration } from './configuration.js';

/** What identifies a user at a registry. */
export interface RegistryCredentials {
  /** Undefined with an identity token: then only the registry knows the user. */
  user?: string;
  password?: string;
  /** A token of `docker login` that gets the tokens for single calls (OAuth 2 calls it a refresh token). */
  identityToken?: string;
}

const GIVEN = z.strictObject({ user: z.string().min(1), password: z.string().min(1) });

const ENTRY = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
/** The parts of docker's `config.json` that name credentials. */
const DOCKER_CONFIG = z.looseObject({
  auths: z.record(z.string(), ENTRY).default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
});
const HELPER_REPLY = z.looseObject({ Username: z.string(), Secret: z.string() });
/** A helper is a program `docker-credential-NAME` in the PATH: its name must not lead elsewhere. */
const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Milliseconds that a helper may take. It may ask a cloud for a token. */
const HELPER_TIME = 30_000;
/** The user in a helper's reply whose secret is an identity token, says docker's documentation of `docker login`. */
const TOKEN_USER = '<token>';
/** Docker Hub is known to docker under this name. */
const DOCKER_HUB = 'https://index.docker.io/v1/';

/**
 * Finds the credentials for the registry: those that the user has given, those of the configuration, those of
 * docker's. Undefined when there are none: many registries let everybody read.
 */
export async function findCredentials({
  name,
  configuration,
  credentials,
  env,
}: ProviderSettings<RegistryConfiguration>): Promise<RegistryCredentials | undefined> {
  if (credentials !== undefined) {
    const given = GIVEN.safeParse(credentials);
    if (given.success) return given.data;
    throw new FactoryError('InvalidParameter', `the credentials for ${name} are not those of a registry`, {
      hint: 'give `user` and `password`, and nothing else',
    });
  }
  const { user, password_file: passwordFile, endpoint } = configuration;
  if (user !== undefined && passwordFile !== undefined) {
    return { user, password: await readPassword(name, passwordFile) };
  }
  if (user !== undefined || passwordFile !== undefined) {
    throw new FactoryError('InvalidParameter', `provider ${name} has only one of user and password_file`, {
      hint: 'write both into the configuration, or none to use docker’s config.json',
    });
  }
  const { host } = new URL(endpoint);
  return readDockerConfig(host, env);
}

async function readPassword(name: string, path: string): Promise<string> {
  const password = await readFile(path, 'utf8').then(
    (text) => text.split(/\r?\n/, 1)[0] ?? '',
    (error: unknown) => {
      throw unreadable(path, error);
    },
  );
  if (password !== '') return password;
  throw new FactoryError('InvalidParameter', `the password file ${path} of provider ${name} is empty`);
}

function unreadable(path: string, error: unknown): FactoryError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return new FactoryError('InvalidParameter', `the file ${path} cannot be read: ${reason}`, { cause: error });
}

async function readDockerConfig(
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RegistryCredentials | undefined> {
  const folder = env['DOCKER_CONFIG'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.docker'));
  if (folder === undefined) return undefined;
  const path = join(folder, 'config.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
  const config = parseDockerConfig(path, text);
  const keys = namesInDocker(host);
  const helper = keys.map((key) => config.credHelpers[key]).find((found) => found !== undefined) ?? config.credsStore;
  if (helper !== undefined) {
    for (const key of keys) {
      const found = await askHelper(helper, key, env);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const entry = keys.map((key) => config.auths[key]).find((found) => found !== undefined);
  return entry === undefined ? undefined : readEntry(entry);
}

function parseDockerConfig(path: string, text: string): z.output<typeof DOCKER_CONFIG> {
  try {
    return DOCKER_CONFIG.parse(JSON.parse(text));
  } catch {
    // The reason would quote the file, which has secrets.
    throw new FactoryError('InvalidParameter', `${path} is not docker’s configuration in JSON`);
  }
}

/** The names under which `docker login` has kept the credentials of a registry. */
function namesInDocker(host: string): string[] {
  const isHub = host === 'registry-1.docker.io' || host === 'docker.io' || host === 'index.docker.io';
  return isHub ? [DOCKER_HUB] : [host, `https://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
}

function readEntry({
  auth,
  username,
  password,
  identitytoken,
}: z.output<typeof ENTRY>): RegistryCredentials | undefined {
  if (identitytoken !== undefined && identitytoken !== '') return { identityToken: identitytoken };
  const decoded = Buffer.from(auth ?? '', 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon > 0) return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') };
  return username !== undefined && password !== undefined ? { user: username, password } : undefined;
}

/**
 * Asks one of docker's programs for credentials, without a shell. Undefined when the program has none for the registry.
 */
async function askHelper(
  helper: string,
  server: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RegistryCredentials | undefined> {
  if (!HELPER_NAME.test(helper)) {
    throw new FactoryError('InvalidParameter', 'docker’s config.json names a credential helper that is no program');
  }
  const program = `docker-credential-${helper}`;
  const { code, output } = await run(program, server, env);
  // The protocol has no code for it: all helpers print this sentence.
  if (code !== 0 && /credentials not found/i.test(output)) return undefined;
  const reply = code === 0 ? HELPER_REPLY.safeParse(parseJson(output)) : undefined;
  if (reply?.success !== true) {
    throw new FactoryError(
      'AuthenticationFailed',
      `${program}, which docker’s config.json names, gave no credentials`,
      {
        hint: `try: echo ${server} | ${program} get`,
      },
    );
  }
  const { Username: user, Secret: secret } = reply.data;
  return user === TOKEN_USER ? { identityToken: secret } : { user, password: secret };
}

function run(
  program: string,
  input: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { env, stdio: ['pipe', 'pipe', 'ignore'], timeout: HELPER_TIME });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', (error) => {
      const hint = 'install it on the worker’s machine, or write user and password_file into the configuration';
      reject(new FactoryError('InvalidParameter', `${program} could not be started`, { hint, cause: error }));
    });
    child.once('close', (code) => resolve({ code, output }));
    child.stdin.on('error', () => undefined).end(input);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
