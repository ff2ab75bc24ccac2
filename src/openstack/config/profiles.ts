import { configError, type Document, isDocument } from './config-files.js';
import { keyError, type Source } from './source.js';
import { VENDOR_PROFILES } from './vendor-profiles.js';

/** Where openstacksdk finds the profile of a provider that it knows by its URL only. */
function findRemoteProfile(url: string): string | undefined {
  return URL.canParse(url) && new URL(url).host !== '' ? new URL('/.well-known/openstack/api', url).href : undefined;
}

/**
 * Finds the profile that a cloud's entry names: in `clouds-public.yaml`, else among those that openstacksdk brings
 * along. Returns an empty one if the entry names none, and, as openstacksdk does, if nobody knows the name.
 * @throws FactoryError UnknownCloud when the profile must be fetched, or its cloud is no more
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
      `write what that address answers under "profile" into clouds-public.yaml: below public-clouds, as ${name}`,
    );
  }
  if (known?.['status'] === 'shutdown') {
    throw configError(source.entry, `profile ${name} is of a cloud that no longer exists: ${String(known['message'])}`);
  }
  return { profile: known ?? {}, isUnknown: known === undefined };
}
