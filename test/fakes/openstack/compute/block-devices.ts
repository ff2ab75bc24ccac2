import { randomUUID } from 'node:crypto';
import { ApiError } from '../core/http.js';
import { fields, list, text, textOr, type Fields } from '../core/values.js';
import type { CloudState, FakeDrive, FakeVolume } from '../state.js';

const SOURCES = ['volume', 'image', 'snapshot', 'blank'];
const KNOWN = ['uuid', 'source_type', 'destination_type', 'boot_index', 'device_type', 'disk_bus', 'delete_on_termination', 'volume_size', 'volume_type', 'device_name', 'guest_format', 'no_device', 'tag']; // prettier-ignore

/** The disks that a create call maps: https://docs.openstack.org/nova/latest/user/block-device-mapping.html */
export interface BlockDevices {
  /** The volume that the server boots from, if its root disk is one. */
  root: FakeVolume | undefined;
  drives: FakeDrive[];
}

/** @throws ApiError with Nova's words */
export function readBlockDevices(state: CloudState, given: Fields): BlockDevices {
  const hasImage = textOr(given['imageRef'], '') !== '';
  const items = list(given['block_device_mapping_v2']).map((item, index) => checkedItem(fields(item), index));
  if (items.length === 0) {
    if (!hasImage) throw new ApiError(400, 'Missing imageRef attribute');
    return { root: undefined, drives: [] };
  }
  if (!hasImage && items.some((item) => item['source_type'] === 'image' && item['destination_type'] === 'local')) {
    throw refused('Mapping image to local is not supported.');
  }
  checkBootOrder(items);
  const mapped = items.filter((item) => item['source_type'] === 'volume');
  const drives = drivesOf(mapped);
  const volumes = drives.map(({ volumeId }) => mappedVolume(state, volumeId));
  const root = volumes[drives.findIndex(({ bootIndex }) => bootIndex === 0)];
  if (root?.bootable === false) throw new ApiError(400, `Block Device ${root.id} is not bootable.`);
  return { root, drives };
}

function refused(why: string): ApiError {
  return new ApiError(400, `Block Device Mapping is Invalid: ${why}`);
}

function checkedItem(item: Fields, index: number): Fields {
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
  if (text(item['uuid']) === undefined && source !== 'blank') throw refused('Missing device UUID.');
  const isKnown = (source === 'volume') === (item['destination_type'] === 'volume') && source !== 'snapshot';
  // Nova can do more than is needed here; what it would make of the rest nobody has looked at.
  if (!isKnown || source === 'blank')
    throw new ApiError(501, `the fake cloud maps no ${source} to ${String(item['destination_type'])}`);
  return item;
}

function bootIndexOf(item: Fields): number {
  return Number(item['boot_index'] ?? -1);
}

/** There is a first device, and none is left out in the order; two may not have the same place. */
function checkBootOrder(items: Fields[]): void {
  const order = items.map(bootIndexOf).filter((index) => index >= 0).sort((one, other) => one - other); // prettier-ignore
  if (order.length > 0 && order.every((index, place) => index === place)) return;
  throw refused('Boot sequence for the instance and image/block device mapping combination is not valid.');
}

/** Disks are virtio's, drives are IDE's. The first name is that of the root disk, even if it is none of the volumes. */
function drivesOf(mapped: Fields[]): FakeDrive[] {
  const letters = { vd: mapped.some((item) => bootIndexOf(item) === 0) ? 0 : 1, hd: 0 };
  const sorted = mapped.toSorted((one, other) => Number(bootIndexOf(other) === 0) - Number(bootIndexOf(one) === 0));
  return sorted.map((item) => {
    const isCdrom = item['device_type'] === 'cdrom';
    const bus = isCdrom ? 'hd' : 'vd';
    return {
      volumeId: textOr(item['uuid'], ''),
      bootIndex: bootIndexOf(item),
      isCdrom,
      deleteOnTermination: item['delete_on_termination'] === true,
      device: `/dev/${bus}${String.fromCharCode(97 + letters[bus]++)}`,
    };
  });
}

function mappedVolume(state: CloudState, id: string): FakeVolume {
  const volume = state.volumes.get(id);
  if (volume === undefined) throw refused(`failed to get volume ${id}.`);
  return volume;
}

/** Nobody else may take the volumes from now on; none is taken when one cannot be. @throws ApiError with Cinder's words in Nova's */
export function reserveVolumes(state: CloudState, drives: FakeDrive[], count: number): void {
  if (drives.length > 0 && count > 1) {
    throw new ApiError(400, 'Cannot attach one or more volumes to multiple instances');
  }
  const volumes = drives.map(({ volumeId }) => mappedVolume(state, volumeId));
  for (const { id, status } of volumes) {
    if (status === 'available' || status === 'downloading') continue;
    throw new ApiError(
      400,
      `Invalid volume: Invalid input received: Invalid volume: Volume ${id} status must be available or downloading to reserve, but the current status is ${status}. (HTTP 400) (Request-ID: req-${randomUUID()})`,
    );
  }
  for (const volume of volumes) volume.status = 'reserved';
}
