import { z } from 'zod';

/** Builds the error option of a schema: the message says that the key is missing, or that its value must be `be`. */
function expectType(be: string): { error: (issue: { input: unknown }) => string } {
  return { error: ({ input }) => (input === undefined ? 'is missing' : `must be ${be}`) };
}

/**
 * Schema of a text. It also accepts numbers, because YAML reads a name or a password that looks like a number as a
 * number.
 */
const text = z
  .union([z.string(), z.number()], expectType('a string'))
  .nullish()
  .transform((value) => (value === null || value === undefined ? undefined : String(value)));
const flag = z.union([z.boolean(), z.stringbool()], expectType('true or false')).nullish();
const address = z.url({ protocol: /^https?$/, ...expectType('an http or https address') });

const authSchema = z.looseObject(
  {
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
    tenant_id: text,
    tenant_name: text,
    user_domain_id: text,
    user_domain_name: text,
    project_domain_id: text,
    project_domain_name: text,
    domain_id: text,
    domain_name: text,
    default_domain: text,
    default_domain_id: text,
    default_domain_name: text,
  },
  expectType('a mapping of keys to values'),
);

const region = z.union([z.string(), z.looseObject({ name: z.string() })]);

/**
 * Schema of a cloud in `clouds.yaml` (https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html).
 */
export const entrySchema = z.looseObject({
  auth: authSchema,
  auth_type: text,
  region_name: text,
  regions: z.array(region, expectType('a list of names')).nullish(),
  interface: text,
  endpoint_type: text,
  verify: flag,
  insecure: flag,
  cacert: text,
  cert: text,
  key: text,
  compute_endpoint_override: address.nullish(),
  image_endpoint_override: address.nullish(),
  network_endpoint_override: address.nullish(),
  block_storage_endpoint_override: address.nullish(),
  volume_endpoint_override: address.nullish(),
});

export type Entry = z.infer<typeof entrySchema>;
