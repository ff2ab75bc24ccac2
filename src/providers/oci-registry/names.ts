/** A repository's name, as the distribution specification has it. */
export const REPOSITORY = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
/** A tag, as the distribution specification has it. */
export const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Most characters of host, slash and repository's name: clients have this limit, the specification says. */
const LONGEST_NAME = 255;

/**
 * Makes the name of the repository of an image: the configured beginning, and the image's name with what a repository's
 * name allows.
 *
 * @param host the registry's host, with its port
 */
export function nameRepository(host: string, prefix: string, imageName: string): string {
  const words = imageName.toLowerCase().split(/[^a-z0-9]+/);
  const name = words.filter((word) => word !== '').join('-') || 'image';
  const room = Math.max(1, LONGEST_NAME - host.length - prefix.length - 2);
  return `${prefix}/${name.slice(0, room).replace(/-+$/, '')}`;
}

/** The tag of the list of manifests that refer to a manifest, in registries that keep no such list themselves. */
export function referrersTag(digest: string): string {
  return digest.replace(':', '-');
}

/** Reads `host/repository@digest`. Undefined when a text is something else. */
export function parseReference(text: string): { host: string; repository: string; digest: string } | undefined {
  const [, host, repository, digest] = /^([^/@]+)\/([^@]+)@(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  if (host === undefined || repository === undefined || digest === undefined) return undefined;
  return REPOSITORY.test(repository) ? { host, repository, digest } : undefined;
}
