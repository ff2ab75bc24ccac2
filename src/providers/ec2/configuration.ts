import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import type { ProviderSettings } from '../types.js';

/** `eu-west-1`, `us-gov-east-1`. */
const REGION = z.string().regex(/^[a-z]{2,}(-[a-z0-9]+)+-\d+$/, 'is not the name of a region, such as eu-west-1');

/** An entry of `providers` with `kind: ec2`. */
export const CONFIGURATION = z.strictObject({
  kind: z.literal('ec2'),
  /** The region that gets the snapshot and the AMI: `eu-west-1`. */
  region: REGION,
  /** More regions that get a copy of the AMI. Default: none. */
  copy_to: z.array(REGION).default([]),
  /** The profile in the worker's `~/.aws/config`, for a worker that uses several accounts. Default: AWS_PROFILE. */
  profile: z.string().min(1).optional(),
  /** URLs of the two APIs in `region`, for private endpoints of a VPC. Default: Amazon's public endpoints. */
  endpoints: z.strictObject({ ec2: z.url().optional(), ebs: z.url().optional() }).default({}),
  /** Path of the PEM file of the authority that the endpoints' certificates are from. Default: those of Node. */
  ca: z.string().min(1).optional(),
});

export type Ec2Configuration = z.output<typeof CONFIGURATION>;

/** Credentials that a user gives for one push: JSON, or imagefactory's `<ec2_credentials>` as a record. */
const CREDENTIALS = z.object({
  access_key: z.string().min(1),
  secret_access_key: z.string().min(1),
  session_token: z.string().min(1).optional(),
  account_number: z.string().min(1).optional(),
});

/** Credentials in the form that the SDK takes. */
export interface StaticCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | undefined;
  /** The account's number, where the user has told it. */
  accountId: string | undefined;
}

/**
 * Reads the credentials that are given: by the user, or in the worker's environment. Undefined: the SDK looks for them
 * as `aws` does (profile, SSO, web identity, the role of the instance).
 *
 * @throws FactoryError InvalidParameter when the user's credentials lack a key
 */
export function readCredentials(
  settings: Pick<ProviderSettings<Ec2Configuration>, 'credentials' | 'env' | 'configuration'>,
): StaticCredentials | undefined {
  const { credentials, env, configuration } = settings;
  if (credentials !== undefined) {
    const parsed = CREDENTIALS.safeParse(credentials);
    if (!parsed.success) {
      const keys = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
      throw new FactoryError('InvalidParameter', `the credentials for EC2 lack or misspell: ${keys}`, {
        hint: 'they need access_key and secret_access_key; session_token and account_number may be there',
      });
    }
    const { access_key, secret_access_key, session_token, account_number } = parsed.data;
    return {
      accessKeyId: access_key,
      secretAccessKey: secret_access_key,
      sessionToken: session_token,
      accountId: account_number?.replaceAll('-', ''),
    };
  }
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  // As for `aws`: a profile that is named goes before the keys in the environment.
  if (configuration.profile !== undefined || !accessKeyId || !secretAccessKey) return undefined;
  const sessionToken = env['AWS_SESSION_TOKEN'] || undefined;
  return { accessKeyId, secretAccessKey, sessionToken, accountId: env['AWS_ACCOUNT_ID'] || undefined };
}
