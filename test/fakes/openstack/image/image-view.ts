import { ApiError } from '../core/http.js';
import { formatSeconds, type Fields } from '../core/values.js';
import type { CloudState, FakeImage } from '../state.js';

/** Id of Glance's only store. The store of the single-node cloud has another id. */
export const STORE = 'files';

/** Builds the JSON of an image. As in Glance, the custom properties come first. */
export function imageView(state: CloudState, image: FakeImage): Fields {
  return {
    ...image.properties,
    ...image.reserved,
    name: image.name,
    disk_format: image.disk_format,
    container_format: image.container_format,
    visibility: image.visibility,
    size: image.size,
    virtual_size: image.virtual_size,
    status: image.status,
    checksum: image.checksum,
    protected: image.protected,
    min_ram: image.min_ram,
    min_disk: image.min_disk,
    owner: image.owner ?? state.projectId,
    os_hidden: image.os_hidden,
    os_hash_algo: image.os_hash_value === null ? null : 'sha512',
    os_hash_value: image.os_hash_value,
    id: image.id,
    created_at: formatSeconds(image.createdAt),
    updated_at: formatSeconds(image.updatedAt),
    tags: image.tags,
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
    schema: '/v2/schemas/image',
    ...(image.status === 'active' ? { stores: STORE } : {}),
  };
}

/** Checks that a property does not have the prefix `os_glance`, which Glance reserves. @throws ApiError 403 */
export function checkReserved(name: string, before = ''): void {
  if (name.startsWith('os_glance')) throw new ApiError(403, `${before}Attribute '${name}' is reserved.`);
}

/** The properties that Glance itself defines. All others are custom properties of type string. */
export const OWN_PROPERTIES = new Set([
  'id', 'name', 'status', 'visibility', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'protected', 'tags',
  'owner', 'created_at', 'updated_at', 'min_disk', 'min_ram', 'disk_format', 'container_format', 'self', 'file', 'schema', 'os_hidden',
  'direct_url', 'locations', 'stores',
]); // prettier-ignore

export const READ_ONLY = new Set([
  'id', 'status', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'created_at', 'updated_at', 'self', 'file', 'schema',
  'direct_url', 'stores', 'owner',
]); // prettier-ignore
