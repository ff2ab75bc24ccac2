import { z } from 'zod';
import { isLocalFileUrl } from '../../domain/file-url.js';

/** An entry of `providers` whose kind is `files`. */
export interface FilesConfiguration {
  kind: 'files';
  /** `file:///DIR`, `s3://BUCKET/PREFIX` or `https://HOST/PATH`. The folder or the bucket must exist. */
  url: string;
  /** The address under which others read the files, for the catalogue and the index. Default: that of `url`. */
  public_url?: string;
  /** S3 only: address of the service. Default: that of Amazon in the region. */
  endpoint?: string;
  /** S3 only. Default: that of the environment or of the profile. */
  region?: string;
  /** S3 only: a profile of `~/.aws/config`. Default: the SDK's chain of credentials. */
  profile?: string;
  /** S3 only: the bucket is in the path, not in the name of the host. Default: true where `endpoint` is set. */
  path_style?: boolean;
  /** Web server only: the user of Basic authentication. Needs `password_file`. */
  user?: string;
  /** Web server only: path of a file that has the user's password. */
  password_file?: string;
  /** Web server only: path of a file that has a bearer token. */
  token_file?: string;
  /**
   * Web server only: how the file is compared after the upload. `size` asks for its size; `read` reads it again, and
   * compares its SHA-256. Default: `size`.
   */
  verify?: 'size' | 'read';
  /** Path of a PEM file with the certificate authorities of the endpoint or the web server. */
  ca?: string;
}

/** The kinds of places, by the beginning of their URLs. */
export type PlaceKind = 'folder' | 'bucket' | 'web';

const OWN_KEYS: Readonly<Record<PlaceKind, readonly (keyof FilesConfiguration)[]>> = {
  folder: [],
  bucket: ['endpoint', 'region', 'profile', 'path_style', 'ca'],
  web: ['user', 'password_file', 'token_file', 'verify', 'ca'],
};
const KEY_NAMES = [...new Set(Object.values(OWN_KEYS).flat())];

/** Returns the kind of place that a URL names. Undefined for a URL that names none. */
export function placeKindOf(url: string): PlaceKind | undefined {
  if (isLocalFileUrl(url)) return 'folder';
  if (/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/|$)/.test(url)) return 'bucket';
  // Without TLS for a server on the same machine only: a password would cross the network in the clear.
  if (/^https:\/\/[^/]|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/i.test(url)) return 'web';
  return undefined;
}

/** Whether bytes and signatures do not cross a network in the clear. */
function isPrivate(url: string): boolean {
  return /^https:\/\/|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/i.test(url);
}

/** Checks an entry of `providers`. */
export const filesSchema: z.ZodType<FilesConfiguration> = z
  .strictObject({
    kind: z.literal('files'),
    url: z.string(),
    public_url: z.url({ protocol: /^(https?|file)$/ }).optional(),
    endpoint: z.url({ protocol: /^https?$/ }).optional(),
    region: z.string().min(1).optional(),
    profile: z.string().min(1).optional(),
    path_style: z.boolean().optional(),
    user: z.string().min(1).optional(),
    password_file: z.string().min(1).optional(),
    token_file: z.string().min(1).optional(),
    verify: z.enum(['size', 'read']).optional(),
    ca: z.string().min(1).optional(),
  })
  .superRefine((entry, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    const kind = placeKindOf(entry.url);
    if (kind === undefined) {
      refuse('url', 'use file:///DIR for a folder, s3://BUCKET/PREFIX for a bucket, or https://HOST/PATH');
      return;
    }
    if (hasSecret(entry.url)) {
      refuse('url', 'a URL is shown to users: use password_file or token_file');
      return;
    }
    if (entry.endpoint !== undefined && !isPrivate(entry.endpoint))
      refuse('endpoint', 'use https://: http:// is for a service on the same machine only');
    if (/[?#]/.test(entry.url)) refuse('url', 'the URL must have neither a query nor a fragment');
    for (const key of KEY_NAMES) {
      if (entry[key] !== undefined && !OWN_KEYS[kind].includes(key)) refuse(key, `it is not for ${entry.url}`);
    }
    if ((entry.user === undefined) !== (entry.password_file === undefined))
      refuse('password_file', 'user and password_file belong together');
    if (entry.user !== undefined && entry.token_file !== undefined)
      refuse('token_file', 'use either a user with a password, or a token');
  });

function hasSecret(url: string): boolean {
  return URL.canParse(url) && (new URL(url).username !== '' || new URL(url).password !== '');
}
