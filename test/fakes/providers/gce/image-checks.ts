import { gunzipSync } from 'node:zlib';
import type { ProviderReply } from '../provider-server.js';
import { refusal, unknownFields } from './replies.js';
import type { FakeStorage } from './storage.js';

const GIB = 1024 ** 3;
const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** https://cloud.google.com/compute/docs/labeling-resources#requirements */
const LABEL_KEY = /^[a-z][-_a-z0-9]{0,62}$/;
const LABEL_VALUE = /^[-_a-z0-9]{0,63}$/;
const RESOURCE = [
  'name',
  'description',
  'family',
  'labels',
  'architecture',
  'guestOsFeatures',
  'rawDisk',
  'storageLocations',
];
/** https://cloud.google.com/compute/docs/reference/rest/v1/images, `guestOsFeatures[].type` */
const FEATURES = [
  'GVNIC',
  'IDPF',
  'MULTI_IP_SUBNET',
  'SEV_CAPABLE',
  'SEV_LIVE_MIGRATABLE_V2',
  'SEV_SNP_CAPABLE',
  'TDX_CAPABLE',
  'UEFI_COMPATIBLE',
  'VIRTIO_SCSI_MULTIQUEUE',
  'WINDOWS',
];

/** The body of `images.insert`. */
export interface NewFakeImage {
  name: string;
  family?: string;
  labels: Record<string, string>;
  architecture?: string;
  guestOsFeatures?: { type: string }[];
  rawDisk: { source: string; containerType: string };
}

/** Finds what Compute Engine refuses before it begins an import. */
export function findInvalid(body: NewFakeImage, storage: FakeStorage): ProviderReply | undefined {
  const invalid = (field: string, value: unknown): ProviderReply =>
    refusal(400, 'invalid', `Invalid value for field 'resource.${field}': '${String(value)}'.`);
  const unknown = unknownFields({ ...body }, RESOURCE);
  if (unknown !== undefined) return unknown;
  if (!NAME.test(body.name)) return invalid('name', body.name);
  if (body.family !== undefined && !NAME.test(body.family)) return invalid('family', body.family);
  for (const [key, value] of Object.entries(body.labels))
    if (!LABEL_KEY.test(key) || !LABEL_VALUE.test(value)) return invalid('labels', `${key}=${value}`);
  if (body.architecture !== 'X86_64' && body.architecture !== 'ARM64')
    return invalid('architecture', body.architecture);
  for (const { type } of body.guestOsFeatures ?? [])
    if (!FEATURES.includes(type)) return invalid('guestOsFeatures', type);
  const { source, containerType } = body.rawDisk;
  if (containerType !== 'TAR' || findArchive(source, storage) === undefined) return invalid('rawDisk.source', source);
  return undefined;
}

/**
 * Finds what Compute Engine refuses during an import: it takes a gzip of a tar of GNU's old format with the one file
 * `disk.raw` of whole GiB (https://cloud.google.com/compute/docs/import/import-existing-image). The fake reads the
 * first header alone.
 */
export function findBrokenArchive(
  { rawDisk }: NewFakeImage,
  storage: FakeStorage,
): { code: string; message: string } | undefined {
  const archive = findArchive(rawDisk.source, storage);
  if (archive === undefined) return { code: 'RESOURCE_NOT_FOUND', message: 'The archive is not there.' };
  return isImage(archive) ? undefined : { code: 'BAD_IMAGE', message: 'The tar archive is not a valid image.' };
}

function isImage(archive: Buffer): boolean {
  try {
    const tar = gunzipSync(archive);
    const size = Number.parseInt(tar.toString('latin1', 124, 135), 8);
    const isOldGnu = tar.toString('latin1', 257, 265) === 'ustar  \0';
    return isOldGnu && tar.toString('latin1', 0, 9) === 'disk.raw\0' && size > 0 && size % GIB === 0;
  } catch {
    return false;
  }
}

function findArchive(source: string, storage: FakeStorage): Buffer | undefined {
  const prefix = `https://storage.googleapis.com/${storage.bucket}/`;
  return source.startsWith(prefix) ? storage.objects.get(source.slice(prefix.length))?.content : undefined;
}
