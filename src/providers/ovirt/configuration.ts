import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { ProviderSettings } from '../types.js';

/** HTTP without TLS is for tests, on this machine. Passwords and disks must not cross a network unencrypted. */
const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/** Whether what is sent to an address stays secret: by https, or on this machine. */
export function isConfidential(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && LOOPBACK.includes(parsed.hostname));
}

export const SCHEMA = z.strictObject({
  kind: z.literal('ovirt'),
  /** The engine: `https://engine.example.org/ovirt-engine`, with or without `/api`. */
  url: z
    .url({ protocol: /^https?$/ })
    .refine(isConfidential, 'it must begin with https://')
    .transform((url) => url.replace(/\/+$/, '').replace(/\/api$/, '')),
  /** The user with its profile: `imagefactory@internal`. Default: the one that is given with the push. */
  username: z.string().min(1).optional(),
  /** File that holds the user's password. A line end at its end does not count. */
  password_file: z.string().min(1).optional(),
  /** PEM file of the certificate authority that has signed the engine's certificate. Default: the system's own. */
  ca: z.string().min(1).optional(),
  /** Name or id of the storage domain on which disks are made. */
  storage_domain: z.string().min(1),
  /**
   * Name or id of the cluster in which a template is made of the disk. Default: the disk is left as it is, for virtual
   * machines that attach it.
   */
  template_cluster: z.string().min(1).optional(),
});

export type OvirtConfiguration = z.infer<typeof SCHEMA>;

/** User and password, as a push gives them in JSON, or in the element of imagefactory's XML. */
const CREDENTIALS = z.looseObject({ username: z.string().min(1).optional(), password: z.string().min(1) });
const GIVEN = z.union([
  CREDENTIALS,
  z.looseObject({ rhevm_credentials: CREDENTIALS }).transform((given) => given.rhevm_credentials),
]);

export interface UserAndPassword {
  username: string;
  password: string;
}

/**
 * Returns the user's own credentials, or those of the worker.
 *
 * @throws FactoryError AuthenticationFailed when there are none; InvalidParameter when the password file is unreadable
 */
export async function readCredentials(settings: ProviderSettings<OvirtConfiguration>): Promise<UserAndPassword> {
  const { name, configuration, credentials } = settings;
  const given = credentials === undefined ? undefined : parseGiven(name, credentials);
  const username = given?.username ?? configuration.username;
  const password = given?.password ?? (await readPassword(name, configuration.password_file));
  if (username !== undefined && password !== undefined) return { username, password };
  const missing = username === undefined ? 'username' : 'password_file';
  throw new FactoryError('AuthenticationFailed', `the provider ${name} has no ${missing}`, {
    hint: `add ${missing} to the provider in the worker’s configuration, or give username and password with the push`,
  });
}

function parseGiven(name: string, credentials: Readonly<Record<string, unknown>>): z.infer<typeof CREDENTIALS> {
  const parsed = GIVEN.safeParse(credentials);
  if (parsed.success) return parsed.data;
  throw new FactoryError('InvalidParameter', `the credentials for the provider ${name} are not those of oVirt`, {
    hint: 'give username and password',
  });
}

async function readPassword(name: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readProviderFile(name, 'password_file', path);
  return text.replace(/\r?\n$/, '');
}

/** Reads a file that the configuration names. @throws FactoryError InvalidParameter when it is unreadable */
export async function readProviderFile(provider: string, key: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FactoryError('InvalidParameter', `cannot read ${key} of the provider ${provider}: ${String(error)}`, {
      hint: `check the path and the permissions of ${path} on the worker’s machine`,
      cause: error,
    });
  }
}
