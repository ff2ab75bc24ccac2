import { z } from 'zod';
import { REPOSITORY, TAG } from './names.js';

/** Whether a host is this machine itself, so that what is sent to it crosses no network. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, pathname, search, hash } = new URL(text);
  if (username !== '' || pathname !== '/' || search !== '' || hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

/** An entry of the kind `registry` in the worker's configuration. */
export const CONFIGURATION = z.strictObject({
  kind: z.literal('registry'),
  /**
   * Address of the registry: `https://registry.example.org`, with its port if that is not 443. `http://` is allowed for
   * a registry on the worker's machine only.
   */
  endpoint: z
    .string()
    .refine(isEndpoint, 'write https://HOST or https://HOST:PORT; http:// only for a registry on this machine'),
  /** The beginning of the repositories' names: `team/images`. The image's name is added: `team/images/debian-12`. */
  repository: z.string().regex(REPOSITORY, 'write words of lower-case letters and digits, with slashes between them'),
  /**
   * Tags besides the image's own one, which is its UUID: `latest`. They move: each push sets them to its image.
   * Default: none.
   */
  tags: z.array(z.string().regex(TAG, 'a tag has letters, digits, `.`, `_` and `-`, at most 128')).max(10).default([]),
  /** Name of the user. Default: what docker's `config.json` has for the registry, else nobody. */
  user: z.string().min(1).optional(),
  /** Path of the file with the user's password or access token. Its first line counts. */
  password_file: z.string().min(1).optional(),
  /** Path of a PEM file with the certificates that sign the registry's. Default: those that Node.js trusts. */
  ca: z.string().min(1).optional(),
});

export type RegistryConfiguration = z.output<typeof CONFIGURATION>;
