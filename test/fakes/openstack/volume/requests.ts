import { ApiError } from '../core/http.js';
import { quotaError } from '../core/quota-error.js';
import { asFields, isFields, asText, asTextOr, asTextMap, type Fields } from '../core/values.js';
import type { CloudState, FakeImage } from '../state.js';

const GIB = 1024 ** 3;
/** The disk formats in which Cinder can upload a volume as an image. */
const UPLOAD_FORMATS = ['raw', 'vmdk', 'vdi', 'qcow2', 'vhd', 'vhdx', 'ploop'];
/** Name of the fake cloud's only volume type. */
export const VOLUME_TYPE = '__DEFAULT__';

/** A request to create a volume, after Cinder's checks. */
export interface CreateVolumeRequest {
  name: string | null;
  description: string | null;
  /** Size in GiB. */
  size: number;
  metadata: Record<string, string>;
  image: FakeImage | undefined;
}

/** Reads and checks a request to create a volume. @throws ApiError with Cinder's message */
export function readCreateVolume(state: CloudState, body: unknown): CreateVolumeRequest {
  const given = asFields(body)['volume'];
  if (!isFields(given)) throw new ApiError(400, "'volume' is a required property");
  const metadata = checkMetadata(given['metadata']);
  const size = readSize(given['size']);
  const type = asText(given['volume_type']) ?? VOLUME_TYPE;
  if (type !== VOLUME_TYPE) throw new ApiError(404, `Volume type with name ${type} could not be found.`);
  const image = readImage(state, given, size);
  const zone = asText(given['availability_zone']) ?? 'nova';
  if (zone !== 'nova') throw new ApiError(400, `Availability zone '${zone}' is invalid.`);
  checkQuota(state, size);
  return {
    name: asText(given['name']) ?? null,
    description: asText(given['description']) ?? null,
    size,
    metadata,
    image,
  };
}

function invalid(attribute: string, value: unknown, why: string): ApiError {
  return new ApiError(400, `Invalid input for field/attribute ${attribute}. Value: ${String(value)}. ${why}`);
}

/** Checks a volume's metadata as Cinder does. @throws ApiError 400 */
export function checkMetadata(given: unknown): Record<string, string> {
  if (!isFields(given)) return {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw invalid(name, value, `${String(value)} is not of type 'string'`);
    if (value.length > 255) throw invalid(name, value, `'${value}' is too long`);
  }
  return asTextMap(given);
}

function readSize(given: unknown): number {
  if (given === undefined || given === null) {
    throw new ApiError(
      400,
      'The server could not comply with the request since it is either malformed or otherwise incorrect.',
    );
  }
  if (!/^[0-9]+$/.test(String(given))) throw invalid('size', given, `'${String(given)}' does not match '^[0-9]+$'`);
  if (Number(given) < 1) throw invalid('size', given, `${String(given)} is less than the minimum of 1`);
  return Number(given);
}

function readImage(state: CloudState, given: Fields, size: number): FakeImage | undefined {
  const id = asText(given['imageRef']);
  if (id === undefined) return undefined;
  const image = state.images.get(id);
  if (image === undefined) throw new ApiError(400, 'Invalid image identifier or unable to access requested image.');
  if (image.status !== 'active') throw new ApiError(400, `Invalid input received: Image ${id} is not active.`);
  const own = Math.ceil((image.size ?? 0) / GIB);
  if (own > size) {
    throw new ApiError(
      400,
      `Invalid input received: Size of specified image ${own}GB is larger than volume size ${size}GB.`,
    );
  }
  if (image.min_disk > size) {
    throw new ApiError(
      400,
      `Invalid input received: Volume size ${size}GB cannot be smaller than the image minDisk size ${image.min_disk}GB.`,
    );
  }
  const virtual = Math.ceil((image.virtual_size ?? 0) / GIB);
  if (virtual > size) {
    throw new ApiError(
      400,
      `Image ${id} is unacceptable: Image virtual size is ${virtual}GB and doesn't fit in a volume of size ${size}GB.`,
    );
  }
  return image;
}

/** Computes what the project's volumes use: their number, and their size in GiB. */
function volumeUsage(state: CloudState): { volumes: number; gigabytes: number } {
  const sizes = [...state.volumes.values()].map(({ size }) => size);
  return { volumes: sizes.length, gigabytes: sizes.reduce((total, size) => total + size, 0) };
}

function checkQuota(state: CloudState, size: number): void {
  const { volumes, gigabytes } = state.quotas;
  const used = volumeUsage(state);
  if (gigabytes >= 0 && used.gigabytes + size > gigabytes) {
    throw quotaError(
      'volume',
      `VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested ${size}G, quota is ${gigabytes}G and ${used.gigabytes}G has been consumed.`,
    );
  }
  if (volumes >= 0 && used.volumes + 1 > volumes) {
    throw quotaError(
      'volume',
      `VolumeLimitExceeded: Maximum number of volumes allowed (${volumes}) exceeded for quota 'volumes'.`,
    );
  }
}

/** A request to upload a volume as an image. */
export interface UploadRequest {
  name: string;
  disk_format: string;
  container_format: string;
  visibility: string;
}

/** Reads and checks a request to upload a volume. @throws ApiError with Cinder's message */
export function readUpload(given: Fields): UploadRequest {
  const name = asTextOr(given['image_name'], '');
  if (name === '') throw invalid('image_name', name, "'' is too short");
  const format = asTextOr(given['disk_format'], 'raw');
  if (!UPLOAD_FORMATS.includes(format)) {
    throw invalid(
      'disk_format',
      format,
      `'${format}' is not one of [${UPLOAD_FORMATS.map((known) => `'${known}'`).join(', ')}]`,
    );
  }
  return {
    name,
    disk_format: format,
    container_format: asTextOr(given['container_format'], 'bare'),
    visibility: asTextOr(given['visibility'], 'private'),
  };
}
