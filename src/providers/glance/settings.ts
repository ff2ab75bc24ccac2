import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { readEnvironmentSettings } from '../../openstack/config/cloud-config.js';
import { connectCloud, connectClouds } from '../../openstack/index.js';
import type { Cloud } from '../../openstack/types.js';
import type { ProviderSettings } from '../types.js';

/** An entry of the kind `glance` in the worker's configuration. */
export const schema = z.strictObject({
  kind: z.literal('glance'),
  /** Name of the cloud in the worker's `clouds.yaml`; `envvars` for its `OS_*` variables. */
  cloud: z.string().min(1),
  /** Who sees the image: default `private`, and `shared` as soon as it is shared with a project. */
  visibility: z.enum(['private', 'shared', 'community', 'public']).default('private'),
  /** Whether lists of images leave the image out, as for images that are kept only for those who know them. */
  hidden: z.boolean().default(false),
  /** Properties that the image gets besides those of the base image: `hw_disk_bus`. */
  properties: z
    .record(z.string().regex(/^(?!os_glance|imagefactory_)[\w.:-]{1,255}$/), z.string().max(255))
    .default({}),
});

export type GlanceConfiguration = z.infer<typeof schema>;

/**
 * Credentials for a cloud: the keys of `auth` in a `clouds.yaml`, or imagefactory's own names, `tenant` for
 * `project_name`.
 */
const credentialsSchema = z.object({
  auth_url: z.string(),
  username: z.string().optional(),
  password: z.string().optional(),
  project_name: z.string().optional(),
  project_id: z.string().optional(),
  tenant: z.string().optional(),
  user_domain_name: z.string().default('Default'),
  project_domain_name: z.string().default('Default'),
  application_credential_id: z.string().optional(),
  application_credential_secret: z.string().optional(),
  region_name: z.string().optional(),
});

/** Connects to the cloud: with the credentials that the user has given, else with those of `clouds.yaml`. */
export function connect({ name, configuration, credentials, env }: ProviderSettings<GlanceConfiguration>): {
  cloud: Cloud;
  close: () => Promise<void>;
} {
  if (credentials !== undefined) {
    // No file of the worker is read for credentials of a user.
    const cloud = connectCloud(readEnvironmentSettings(toEnvironment(name, credentials), '/'));
    return { cloud, close: () => cloud.close() };
  }
  const clouds = connectClouds({ env, only: [configuration.cloud] });
  return { cloud: clouds.get(configuration.cloud), close: () => clouds.close() };
}

/** Writes the credentials as the `OS_*` variables, which describe a whole cloud. */
function toEnvironment(name: string, given: Readonly<Record<string, unknown>>): Record<string, string> {
  const parsed = credentialsSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new FactoryError('InvalidParameter', `credentials for ${name}: ${issue?.path.join('.')}: ${issue?.message}`, {
      hint: 'give auth_url, username, password and project_name, or an application credential',
    });
  }
  const { tenant, project_name = tenant, application_credential_id: id, ...auth } = parsed.data;
  const { project_domain_name, user_domain_name, project_id, ...others } = auth;
  const variables =
    id === undefined
      ? { ...others, project_name, project_id, project_domain_name, user_domain_name }
      : { ...others, application_credential_id: id, auth_type: 'v3applicationcredential' };
  const entries = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const named = entries.map(([key, value]): [string, string] => [`OS_${key.toUpperCase()}`, value]);
  return Object.fromEntries([...named, ['OS_CLOUD_NAME', name]]);
}
