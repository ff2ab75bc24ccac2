import { configError, type Document, isDocument } from './clouds-yaml.js';

/** A region of a cloud, and the keys that hold in that region only. */
interface Region {
  name: string;
  values: Document;
}

function readRegion(raw: unknown, where: string): Region {
  if (typeof raw === 'string') return { name: raw, values: {} };
  const { name, values = {}, ...others } = isDocument(raw) ? raw : {};
  if (typeof name === 'string' && (values === null || isDocument(values)) && Object.keys(others).length === 0) {
    return { name, values: values ?? {} };
  }
  throw configError(where, 'regions must be a list of names, or of mappings with the keys name and values');
}

/** Lists the regions that a mapping names. Returns undefined if it names none. `regions` overrides `region_name`. */
function listRegions({ regions, region_name: name }: Document, where: string): Region[] | undefined {
  if (regions !== undefined && regions !== null) {
    if (Array.isArray(regions)) return regions.map((region) => readRegion(region, where));
    throw configError(where, 'regions must be a list of names, or of mappings with the keys name and values');
  }
  if (name === undefined || name === null) return undefined;
  return (Array.isArray(name) ? name : String(name).split(',')).map((region) => readRegion(region, where));
}

/**
 * Selects the region of a cloud: the one that `wanted` names, else the first one that the entry lists, else the first
 * one of its profile.
 * @throws FactoryError UnknownCloud when the cloud lists regions, and `wanted` is none of them
 */
export function selectRegion(entry: Document, profile: Document, wanted: string | undefined, where: string): Region {
  const regions = listRegions(entry, where) ?? listRegions(profile, where) ?? [];
  const region = wanted === undefined ? regions[0] : regions.find(({ name }) => name === wanted);
  if (region !== undefined) return region;
  if (regions.length === 0) return { name: wanted ?? '', values: {} };
  const names = regions.map(({ name }) => name).join(', ');
  throw configError(
    where,
    `this cloud has no region ${wanted ?? ''}; its regions are ${names}`,
    'correct or unset OS_REGION_NAME',
  );
}
