import { z } from 'zod';
import type { Document } from './clouds-yaml.js';

/** Builds the error option of a schema: the message says that the key is missing, or that its value must be `be`. */
function expectType(be: string): { error: (issue: { input: unknown }) => string } {
  return { error: ({ input }) => (input === undefined || input === null ? 'is missing' : `must be ${be}`) };
}

/** Makes a key optional. A key without a value (null) counts as a key that is not given. */
function optional<T extends z.ZodType>(schema: T): z.ZodType<z.output<T> | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

/**
 * Schema of a text. The YAML reader has already converted numbers to texts. We refuse booleans: YAML 1.1 reads more
 * words as true or false than authors expect, and openstacksdk would send these booleans to Keystone.
 */
const text = optional(
  z.string({
    error: ({ input }) =>
      typeof input === 'boolean'
        ? 'is a word that YAML reads as true or false: put it between quotes'
        : 'must be a string',
  }),
);
/**
 * Schema of a boolean, or of the text `true` or `false`. openstacksdk takes every other text for false. We refuse such
 * a text, because its author may have meant true.
 */
const flag = optional(
  z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })], expectType('true or false')),
);
const address = z
  .url({ protocol: /^https?$/, ...expectType('an http or https address') })
  .refine((url) => !/\{\w+\}/.test(url), 'has the name of a key in braces, and the cloud has no such key');
const optionalAddress = optional(z.union([z.literal('').transform(() => undefined), address]));
const name = optional(z.union([z.string(), z.array(z.string())], expectType('public, internal or admin')));

const authSchema = z.object({
  auth_url: address,
  username: text,
  user_id: text,
  password: text,
  token: text,
  application_credential_id: text,
  application_credential_name: text,
  application_credential_secret: text,
  project_id: text,
  project_name: text,
  user_domain_id: text,
  user_domain_name: text,
  project_domain_id: text,
  project_domain_name: text,
  domain_id: text,
  domain_name: text,
  default_domain: text,
  default_domain_id: text,
  default_domain_name: text,
  system_scope: text,
  trust_id: text,
});

/**
 * Schema of a cloud in `clouds.yaml` (https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html),
 * after `flattenEntry`. It leaves out the keys that we do not use.
 */
export const entrySchema = z.object({
  auth: authSchema,
  auth_type: text,
  region_name: text,
  interface: name,
  verify: optional(z.union([z.boolean(), z.string()], expectType('true, false or the path of a file'))),
  insecure: flag,
  cacert: text,
  cert: text,
  key: text,
});

export type Entry = z.infer<typeof entrySchema>;
export type Auth = Entry['auth'];

/**
 * The services that we call, by service type. The words of a service are the beginnings of its keys in an entry: the
 * word `compute` begins the key `compute_endpoint_override`. If an entry has the same key with several words, the first
 * word in the list counts (https://service-types.openstack.org/).
 */
export const SERVICE_KEYS = {
  compute: ['compute'],
  image: ['image'],
  network: ['network'],
  'block-storage': ['block_storage', 'volumev3', 'volumev2', 'volume', 'block_store'],
};

const SERVICE_SCHEMAS = {
  endpoint_override: optionalAddress,
  endpoint: optionalAddress,
  interface: name,
  region_name: text,
  service_name: text,
  service_type: text,
};

/** Schema of the keys of one service. In the entry, one of the service's words stands before each of these keys. */
export const serviceSchema = z.object(SERVICE_SCHEMAS);
export type ServiceEntry = z.infer<typeof serviceSchema>;

/**
 * Collects the keys of a service without their first word: `volume_interface` becomes `interface`. If the entry has
 * several such keys, the key with the first of the `words` counts. `names` has the full names, for messages.
 */
export function collectServiceKeys(rest: Document, words: string[]): { keys: Document; names: Record<string, string> } {
  const keys: Document = {};
  const names: Record<string, string> = {};
  for (const key of Object.keys(SERVICE_SCHEMAS)) {
    const named = words.map((word) => `${word}_${key}`).find((full) => rest[full] !== undefined && rest[full] !== null);
    keys[key] = named === undefined ? undefined : rest[named];
    names[key] = named ?? `${words[0] ?? ''}_${key}`;
  }
  return { keys, names };
}
