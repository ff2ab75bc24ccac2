import { ApiError } from '../core/http.js';
import { quotaError } from '../core/quota-error.js';
import { asFields, isFields, asList, asText, asTextMap, asTextOr, type Fields } from '../core/values.js';
import { findGroups } from '../network/security-groups.js';
import type { CloudState, FakeFlavor, FakeImage, FakeNetwork, FakeSecurityGroup } from '../state.js';
import { readImageProperties } from '../volume/volume-lifecycle.js';
import { type BlockDevices, readBlockDevices, reserveVolumes } from './block-devices.js';

/** The longest user data that Nova accepts, in bytes of base64. */
const LONGEST_USER_DATA = 65_535;
const GIB = 1024 ** 3;

/** A request to create servers, after Nova's checks. */
export interface CreateRequest {
  name: string;
  description: string | null;
  /** The image from which the server boots. Undefined for a server that boots from a volume. */
  image: FakeImage | undefined;
  devices: BlockDevices;
  /** The properties of the image, or of the root volume. */
  properties: Record<string, string>;
  flavor: FakeFlavor;
  networks: FakeNetwork[];
  metadata: Record<string, string>;
  tags: string[];
  keyName: string | null;
  publicKey: string | undefined;
  userData: string | null;
  configDrive: boolean;
  groups: FakeSecurityGroup[];
  count: number;
}

const KNOWN = ['name', 'imageRef', 'flavorRef', 'networks', 'metadata', 'key_name', 'user_data', 'security_groups', 'availability_zone', 'config_drive', 'min_count', 'max_count', 'adminPass', 'OS-DCF:diskConfig', 'block_device_mapping_v2', 'block_device_mapping', 'accessIPv4', 'accessIPv6', 'return_reservation_id', 'personality']; // prettier-ignore

/** Reads and checks a request to create servers. @throws ApiError with Nova's message */
export function readCreateRequest(state: CloudState, body: unknown, version: number): CreateRequest {
  const given = asFields(asFields(body)['server']);
  const known = [...KNOWN, ...(version >= 19 ? ['description'] : []), ...(version >= 52 ? ['tags'] : []), ...(version >= 90 ? ['hostname'] : []), ...(version >= 74 ? ['host', 'hypervisor_hostname'] : [])]; // prettier-ignore
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw invalid('server', '{…}', `Additional properties are not allowed ('${unknown}' was unexpected)`);
  const name = asTextOr(given['name'], '');
  if (name === '') throw invalid('name', name, "'' is too short");
  const tags = checkTags(given['tags']);
  const networks = readNetworks(state, given['networks'], version);
  const image = readImage(state, given);
  const flavor = findFlavor(state, asTextOr(given['flavorRef'], ''));
  const devices = readBlockDevices(state, given);
  const properties = {
    ...(image?.properties ?? (devices.root === undefined ? {} : readImageProperties(devices.root))),
  };
  checkKernel(state, properties);
  checkMemory(flavor, image?.min_ram ?? Number(devices.root?.imageMetadata?.['min_ram'] ?? 0));
  if (devices.root === undefined && image !== undefined) checkDisk(flavor, image);
  const keyName = asText(given['key_name']) ?? null;
  const key = keyName === null ? undefined : state.keyPairs.get(keyName);
  if (keyName !== null && key === undefined) throw new ApiError(400, 'Invalid key_name provided.');
  const zone = asText(given['availability_zone']);
  if (zone !== undefined && zone.split(':')[0] !== 'nova')
    throw new ApiError(400, 'The requested availability zone is not available');
  const groups = findGroups(
    state,
    given['security_groups'] === undefined ? [{ name: 'default' }] : asList(given['security_groups']),
  );
  const count = Number(given['max_count'] ?? given['min_count'] ?? 1);
  checkQuota(state, flavor, count);
  const metadata = checkMetadata(given['metadata']);
  const userData = checkUserData(asText(given['user_data']));
  reserveVolumes(state, devices.drives, count);
  return {
    name,
    description: asText(given['description']) ?? null,
    image,
    devices,
    properties,
    flavor,
    networks,
    metadata,
    tags,
    keyName,
    publicKey: key?.public_key,
    userData,
    configDrive: given['config_drive'] === true || asTextOr(given['config_drive'], '').toLowerCase() === 'true',
    groups,
    count,
  };
}

function invalid(attribute: string, value: string, why: string): ApiError {
  return new ApiError(400, `Invalid input for field/attribute ${attribute}. Value: ${value}. ${why}`);
}

function checkTags(given: unknown): string[] {
  const tags = asList(given).map(String);
  tags.forEach((tag, index) => {
    if (/[,/]/.test(tag)) throw invalid(String(index), tag, `'${tag}' does not match '^[^,/]*$'`);
    if (tag.length > 60) throw invalid(String(index), tag, `'${tag}' is too long`);
  });
  if (tags.length > 50) throw invalid('tags', '[…]', '[…] is too long');
  return tags;
}

/** Checks a server's metadata as Nova does. @throws ApiError 400 */
export function checkMetadata(given: unknown): Record<string, string> {
  if (!isFields(given)) return {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw invalid(name, String(value), `${String(value)} is not of type 'string'`);
    if (value.length > 255) throw invalid(name, value, `'${value}' is too long`);
    if (name.length > 255) throw invalid('metadata', '{…}', 'property name is too long');
  }
  return asTextMap(given);
}

function checkUserData(data: string | undefined): string | null {
  if (data === undefined) return null;
  if (data.length > LONGEST_USER_DATA) throw invalid('user_data', data, `'${data}' is too long`);
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(data)) throw invalid('user_data', data, `'${data}' is not a 'base64'`);
  return data;
}

function readNetworks(state: CloudState, given: unknown, version: number): FakeNetwork[] {
  if (given === 'none' && version >= 37) return [];
  if (given === undefined || (given === 'auto' && version >= 37)) {
    if (given === undefined && version >= 37) throw invalid('server', '{…}', "'networks' is a required property");
    const own = [...state.networks.values()].filter((network) => !network.external);
    if (own.length > 1)
      throw new ApiError(409, 'Multiple possible networks found, use a Network ID to be more specific.');
    return own;
  }
  if (!Array.isArray(given))
    throw invalid('networks', String(given), `${String(given)} is not valid under any of the given schemas`);
  return asList(given).map((item) => {
    const id = asTextOr(asFields(item)['uuid'], '');
    const network = state.networks.get(id);
    if (network === undefined) throw new ApiError(400, `Network ${id} could not be found.`);
    if (network.external && !network.shared) {
      throw new ApiError(403, `It is not allowed to create an interface on external network ${id}`);
    }
    return network;
  });
}

function readImage(state: CloudState, given: Fields): FakeImage | undefined {
  const id = asTextOr(given['imageRef'], '');
  if (id === '') return undefined;
  if (!/^[0-9a-f-]{36}$/i.test(id))
    throw invalid('imageRef', id, `'${id}' is not valid under any of the given schemas`);
  const image = state.images.get(id);
  if (image === undefined) throw new ApiError(400, 'Can not find requested image');
  if (image.status !== 'active') throw new ApiError(400, `Image ${id} is not active.`);
  return image;
}

function checkKernel(state: CloudState, properties: Record<string, string>): void {
  for (const property of ['kernel_id', 'ramdisk_id']) {
    const other = properties[property];
    if (other !== undefined && other !== '' && !state.images.has(other))
      throw new ApiError(400, `Image ${other} could not be found.`);
  }
}

function findFlavor(state: CloudState, ref: string): FakeFlavor {
  const flavor = state.flavors.get(ref.split('/').at(-1) ?? '');
  if (flavor === undefined) throw new ApiError(400, `Flavor ${ref} could not be found.`);
  return flavor;
}

function checkMemory(flavor: FakeFlavor, ram: number): void {
  if (ram > flavor.ram) throw new ApiError(400, "Flavor's memory is too small for requested image.");
}

/** Checks that the flavor's disk is large enough, for a server that boots from a copy of its image. */
function checkDisk(flavor: FakeFlavor, image: FakeImage): void {
  // Nova's default policy refuses such a flavor, because a disk size of 0 would not limit the root disk.
  if (flavor.disk === 0) throw new ApiError(403, 'Only volume-backed servers are allowed for flavors with zero disk.');
  const size = image.size ?? 0;
  if (size > flavor.disk * GIB) {
    throw new ApiError(
      400,
      `Flavor's disk is too small for requested image. Flavor disk is ${flavor.disk * GIB} bytes, image is ${size} bytes.`,
    );
  }
  if (image.min_disk > flavor.disk) {
    throw new ApiError(
      400,
      `Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is ${flavor.disk * GIB} bytes, minimum size is ${image.min_disk * GIB} bytes.`,
    );
  }
}

/** Computes what the project's servers use: their number, their cores, and their RAM in MiB. */
export function computeUsage(state: CloudState): { instances: number; cores: number; ram: number } {
  const flavors = [...state.servers.values()].filter((server) => !server.gone).map((server) => server.flavor);
  const sum = (of: (flavor: FakeFlavor) => number): number => flavors.reduce((total, flavor) => total + of(flavor), 0);
  return { instances: flavors.length, cores: sum((flavor) => flavor.vcpus), ram: sum((flavor) => flavor.ram) };
}

function checkQuota(state: CloudState, flavor: FakeFlavor, count: number): void {
  const used = computeUsage(state);
  const wanted = { cores: flavor.vcpus * count, instances: count, ram: flavor.ram * count };
  const over = (['cores', 'instances', 'ram'] as const).filter(
    (name) => state.quotas[name] >= 0 && used[name] + wanted[name] > state.quotas[name],
  );
  if (over.length === 0) return;
  const each = (value: (name: 'cores' | 'instances' | 'ram') => number): string => over.map(value).join(', ');
  throw quotaError(
    'compute',
    `Quota exceeded for ${over.join(', ')}: Requested ${each((name) => wanted[name])}, but already used ${each((name) => used[name])} of ${each((name) => state.quotas[name])} ${over.join(', ')}`,
  );
}
