import type { CloudSettings, Interface } from './cloud-settings.js';
import type { Document } from './clouds-yaml.js';
import { collectServiceKeys, type Entry, SERVICE_KEYS, type ServiceEntry, serviceSchema } from './entry-schema.js';
import { keyError, type Source, validate } from './source.js';

/** Reads which interfaces of the catalogue to use, the best one first. */
export function readInterfaces(given: Entry['interface'], key: string, source: Source): Interface[] {
  const texts = given === undefined || given === '' ? ['public'] : [given].flat();
  return texts.map((text) => {
    const name = text.replace(/URL$/, '');
    if (name === 'public' || name === 'internal' || name === 'admin') return name;
    throw keyError(source, key, `is ${text}, but it must be public, internal or admin`);
  });
}

/**
 * Refuses the keys with `service_name` and `service_type`, because they make openstacksdk select other entries of the
 * catalogue than the entries of the service's type.
 */
function refuseOtherEntries(entry: ServiceEntry, words: string[], names: Record<string, string>, source: Source): void {
  for (const key of ['service_name', 'service_type'] as const) {
    const value = entry[key];
    if (value === undefined || words.includes(value.replaceAll('-', '_'))) continue;
    throw keyError(
      source,
      names[key] ?? key,
      `is not supported by this program: give the address of the service instead, in the key ${words[0] ?? ''}_endpoint_override`,
    );
  }
}

/** Reads what the entry says about single services: their addresses, regions and interfaces. */
export function readServices(
  rest: Document,
  source: Source,
): Pick<CloudSettings, 'endpointOverrides' | 'serviceEndpoints'> {
  const endpointOverrides: CloudSettings['endpointOverrides'] = {};
  const serviceEndpoints: CloudSettings['serviceEndpoints'] = {};
  for (const [service, words] of Object.entries(SERVICE_KEYS)) {
    const { keys, names } = collectServiceKeys(rest, words);
    const entry = validate(serviceSchema, keys, source, (path) => names[path] ?? path);
    refuseOtherEntries(entry, words, names, source);
    const address = entry.endpoint_override ?? entry.endpoint;
    if (address !== undefined) endpointOverrides[service] = address;
    const interfaces =
      entry.interface === undefined ? undefined : readInterfaces(entry.interface, names['interface'] ?? '', source);
    serviceEndpoints[service] = { region: entry.region_name, interfaces };
  }
  return { endpointOverrides, serviceEndpoints };
}
