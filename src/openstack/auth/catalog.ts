import { FactoryError } from '../../domain/errors.js';
import type { CloudSettings } from '../config/cloud-settings.js';

/** One service in the catalogue that Keystone returns with a token. */
export interface CatalogEntry {
  type: string;
  endpoints: { interface: string; url: string; region?: string | null; region_id?: string | null }[];
}

/** The OpenStack services that this program calls. */
export type ServiceType = 'compute' | 'image' | 'network' | 'block-storage';

/** The names under which catalogues list a service, old names last (https://service-types.openstack.org/). */
const ALIASES: Record<ServiceType, string[]> = {
  compute: ['compute', 'computev21'],
  image: ['image', 'imagev2'],
  network: ['network'],
  'block-storage': ['block-storage', 'block-store', 'volumev3', 'volume'],
};

/**
 * Patterns that the URL of an endpoint must match, by service name. Some catalogues list older versions of an API under
 * these names: `volume` may also be Block Storage API v1 or v2, but we need v3.
 */
const REQUIRED_PATHS: Record<string, RegExp> = { volume: /\/v3(\/|$)/ };

/**
 * Returns the URL of a service: the configured override, else the catalogue's endpoint for our region and interface.
 * @throws FactoryError NotFound, whose message lists the endpoints that the catalogue has instead
 */
export function selectEndpoint(catalog: CatalogEntry[], type: ServiceType, settings: CloudSettings): string {
  const found = findEndpoint(catalog, type, settings);
  if (found !== undefined) return found;
  throw endpointNotFoundError(catalog, type, settings);
}

/** Like {@link selectEndpoint}, but returns undefined when the catalogue has no such endpoint. */
export function findEndpoint(catalog: CatalogEntry[], type: ServiceType, settings: CloudSettings): string | undefined {
  const override = settings.endpointOverrides[type];
  if (override !== undefined) return override;
  const { region, interfaces } = readWishes(type, settings);
  const inRegion = listEndpoints(catalog, type).filter(
    (endpoint) => region === undefined || endpoint.region === region || endpoint.region_id === region,
  );
  return interfaces
    .flatMap((wanted) => inRegion.filter((endpoint) => normaliseInterface(endpoint.interface) === wanted))
    .at(0)?.url;
}

/** Reads which region and which interfaces the settings require for a service. */
function readWishes(type: ServiceType, settings: CloudSettings): Pick<CloudSettings, 'region' | 'interfaces'> {
  const own = settings.serviceEndpoints?.[type];
  return { region: own?.region ?? settings.region, interfaces: own?.interfaces ?? settings.interfaces };
}

function listEndpoints(catalog: CatalogEntry[], type: ServiceType): CatalogEntry['endpoints'] {
  return ALIASES[type].flatMap((alias) =>
    catalog
      .filter((entry) => entry.type === alias)
      .flatMap((entry) => entry.endpoints)
      .filter(({ url }) => REQUIRED_PATHS[alias]?.test(url) ?? true),
  );
}

/** Removes the ending `URL`: catalogues of old Keystone releases write `publicURL`. */
function normaliseInterface(text: string): string {
  return text.replace(/URL$/, '');
}

function endpointNotFoundError(catalog: CatalogEntry[], type: ServiceType, settings: CloudSettings): FactoryError {
  const endpoints = listEndpoints(catalog, type);
  const { region, interfaces } = readWishes(type, settings);
  const where = region === undefined ? '' : ` in region ${region}`;
  const offers = endpoints.map(
    (endpoint) =>
      `${normaliseInterface(endpoint.interface)} in ${endpoint.region ?? endpoint.region_id ?? 'no region'}`,
  );
  const has =
    endpoints.length === 0
      ? `its services are ${joinNames(catalog.map((entry) => entry.type))}`
      : `it has ${joinNames(offers)}`;
  return new FactoryError(
    'NotFound',
    `the catalogue of cloud ${settings.name} has no ${interfaces.join(' or ')} endpoint of type ${type}${where}: ${has}`,
    {
      hint: 'set region_name (OS_REGION_NAME) to a region, or interface (OS_INTERFACE) to an interface, that the catalogue has',
    },
  );
}

function joinNames(names: string[]): string {
  return [...new Set(names)].sort().join(', ') || 'none';
}
