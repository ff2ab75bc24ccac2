import { configError, type Document, isDocument } from './clouds-yaml.js';
import { keyError, type Source } from './source.js';
import { VENDOR_PROFILES } from './vendor-profiles.js';

/**
 * Returns the URL from which openstacksdk fetches a profile, if the profile is a provider's URL. Otherwise returns
 * undefined.
 */
function findRemoteProfile(url: string): string | undefined {
  return URL.canParse(url) && new URL(url).host !== '' ? new URL('/.well-known/openstack/api', url).href : undefined;
}

/**
 * Finds the profile that a cloud's entry names: first in `clouds-public.yaml`, then among the profiles that
 * openstacksdk contains. Returns an empty profile if the entry names none. Like openstacksdk, also returns an empty
 * profile for an unknown name.
 * @throws FactoryError UnknownCloud when the profile must be fetched from its provider, or its cloud no longer exists
 */
export function findProfile(
  entry: Document,
  readProfiles: () => Document,
  source: Source,
): { profile: Document; isUnknown: boolean } {
  const name = entry['profile'] ?? entry['cloud'] ?? '';
  if (name === '') return { profile: {}, isUnknown: false };
  if (typeof name !== 'string') throw keyError(source, 'profile', 'must be the name of a profile');
  const own = readProfiles()[name];
  if (isDocument(own)) return { profile: own, isUnknown: false };
  if (own !== undefined) throw configError(source.entry, `profile ${name} of clouds-public.yaml is not a mapping`);
  const known = VENDOR_PROFILES[name];
  const remote = findRemoteProfile(String(known?.['profile'] ?? name));
  if (remote !== undefined) {
    throw configError(
      source.entry,
      `profile ${name} must be fetched from ${remote}, which this program does not do`,
      `fetch that address, and copy the mapping "profile" of its answer into clouds-public.yaml: below public-clouds, as ${name}`,
    );
  }
  if (known?.['status'] === 'shutdown') {
    throw configError(source.entry, `profile ${name} is of a cloud that no longer exists: ${String(known['message'])}`);
  }
  return { profile: known ?? {}, isUnknown: known === undefined };
}
