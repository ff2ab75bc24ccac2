import { randomUUID } from 'node:crypto';
import { ApiError } from '../core/http.js';
import { asFields, asList, asText, asTextOr, type Fields } from '../core/values.js';
import type { CloudState, FakeDrive, FakeVolume } from '../state.js';

const SOURCES = ['volume', 'image', 'snapshot', 'blank'];
const KNOWN = ['uuid', 'source_type', 'destination_type', 'boot_index', 'device_type', 'disk_bus', 'delete_on_termination', 'volume_size', 'volume_type', 'device_name', 'guest_format', 'no_device', 'tag']; // prettier-ignore

/**
 * The block devices in a request to create a server:
 * https://docs.openstack.org/nova/latest/user/block-device-mapping.html
 */
export interface BlockDevices {
  /** The volume from which the server boots. Undefined when its root disk is a copy of an image. */
  root: FakeVolume | undefined;
  drives: FakeDrive[];
}

/** Reads the block device mapping of a request to create a server. @throws ApiError with Nova's message */
export function readBlockDevices(state: CloudState, given: Fields): BlockDevices {
  const hasImage = asTextOr(given['imageRef'], '') !== '';
  const items = asList(given['block_device_mapping_v2']).map((item, index) => checkItem(asFields(item), index));
  if (items.length === 0) {
    if (!hasImage) throw new ApiError(400, 'Missing imageRef attribute');
    return { root: undefined, drives: [] };
  }
  if (!hasImage && items.some((item) => item['source_type'] === 'image' && item['destination_type'] === 'local')) {
    throw invalidMapping('Mapping image to local is not supported.');
  }
  checkBootOrder(items);
  const mapped = items.filter((item) => item['source_type'] === 'volume');
  const drives = buildDrives(mapped);
  const volumes = drives.map(({ volumeId }) => findVolume(state, volumeId));
  const root = volumes[drives.findIndex(({ bootIndex }) => bootIndex === 0)];
  if (root?.bootable === false) throw new ApiError(400, `Block Device ${root.id} is not bootable.`);
  return { root, drives };
}

function invalidMapping(why: string): ApiError {
  return new ApiError(400, `Block Device Mapping is Invalid: ${why}`);
}

function checkItem(item: Fields, index: number): Fields {
  const source = item['source_type'];
  const unknown = Object.keys(item).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    throw new ApiError(
      400,
      `Invalid input for field/attribute ${index}. Value: {…}. Additional properties are not allowed ('${unknown}' was unexpected)`,
    );
  }
  if (typeof source !== 'string' || !SOURCES.includes(source)) {
    throw new ApiError(
      400,
      `Invalid input for field/attribute source_type. Value: ${String(source)}. '${String(source)}' is not one of [${SOURCES.map((known) => `'${known}'`).join(', ')}]`,
    );
  }
  if (asText(item['uuid']) === undefined && source !== 'blank') throw invalidMapping('Missing device UUID.');
  const isKnown = (source === 'volume') === (item['destination_type'] === 'volume') && source !== 'snapshot';
  // Nova supports more kinds of mapping. The fake cloud has only those that imagefactory uses.
  if (!isKnown || source === 'blank')
    throw new ApiError(501, `the fake cloud does not support mapping ${source} to ${String(item['destination_type'])}`);
  return item;
}

function readBootIndex(item: Fields): number {
  return Number(item['boot_index'] ?? -1);
}

/** Checks that the boot indexes are 0, 1, 2, … without gaps and duplicates. */
function checkBootOrder(items: Fields[]): void {
  const order = items.map(readBootIndex).filter((index) => index >= 0).sort((one, other) => one - other); // prettier-ignore
  if (order.length > 0 && order.every((index, position) => index === position)) return;
  throw invalidMapping('Boot sequence for the instance and image/block device mapping combination is not valid.');
}

/**
 * Builds the drives of the mapped volumes, with their device names. Disks are on virtio (`/dev/vda`, `/dev/vdb`), and
 * CD-ROMs on IDE (`/dev/hda`, `/dev/hdb`). The root disk is always `/dev/vda`. A root disk that is no volume is not in
 * the result, but still takes the name `/dev/vda`.
 */
function buildDrives(mapped: Fields[]): FakeDrive[] {
  const letters = { vd: mapped.some((item) => readBootIndex(item) === 0) ? 0 : 1, hd: 0 };
  const sorted = mapped.toSorted((one, other) => Number(readBootIndex(other) === 0) - Number(readBootIndex(one) === 0));
  return sorted.map((item) => {
    const isCdrom = item['device_type'] === 'cdrom';
    const bus = isCdrom ? 'hd' : 'vd';
    return {
      volumeId: asTextOr(item['uuid'], ''),
      bootIndex: readBootIndex(item),
      isCdrom,
      deleteOnTermination: item['delete_on_termination'] === true,
      device: `/dev/${bus}${String.fromCharCode(97 + letters[bus]++)}`,
    };
  });
}

function findVolume(state: CloudState, id: string): FakeVolume {
  const volume = state.volumes.get(id);
  if (volume === undefined) throw invalidMapping(`failed to get volume ${id}.`);
  return volume;
}

/**
 * Reserves all volumes for a server. If one of them cannot be reserved, reserves none.
 *
 * @throws ApiError with Nova's message, which contains Cinder's message
 */
export function reserveVolumes(state: CloudState, drives: FakeDrive[], count: number): void {
  if (drives.length > 0 && count > 1) {
    throw new ApiError(400, 'Cannot attach one or more volumes to multiple instances');
  }
  const volumes = drives.map(({ volumeId }) => findVolume(state, volumeId));
  for (const { id, status } of volumes) {
    if (status === 'available' || status === 'downloading') continue;
    throw new ApiError(
      400,
      `Invalid volume: Invalid input received: Invalid volume: Volume ${id} status must be available or downloading to reserve, but the current status is ${status}. (HTTP 400) (Request-ID: req-${randomUUID()})`,
    );
  }
  for (const volume of volumes) volume.status = 'reserved';
}
