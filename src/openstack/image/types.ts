import type { Readable } from 'node:stream';
import type { CallOptions } from '../http/call-options.js';

/** https://docs.openstack.org/api-ref/image/v2/ — besides these every image carries free properties of type string. */
export interface Image {
  id: string;
  name: string | null;
  /** queued, saving, uploading, importing, active, deactivated, killed, deleted, pending_delete. */
  status: string;
  /** Bytes; null until known. */
  size: number | null;
  checksum: string | null;
  os_hash_algo?: string | null;
  os_hash_value?: string | null;
  disk_format: string | null;
  container_format: string | null;
  visibility: string;
  min_disk: number;
  min_ram: number;
  tags: string[];
  created_at: string;
  owner?: string | null;
  [property: string]: unknown;
}

export interface CreateImage {
  /** Our own UUID: a second create of the same image answers 409 (type Conflict) instead of making another one. */
  id?: string;
  name: string;
  disk_format: string;
  container_format: string;
  visibility?: 'private' | 'shared' | 'community' | 'public';
  min_disk?: number;
  min_ram?: number;
  tags?: string[];
  /** Free properties. */
  properties?: Record<string, string>;
}

/** One step of an image's JSON patch (https://docs.openstack.org/api-ref/image/v2/#update-image). */
export type ImageChange = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string };

export interface Images {
  /** Formats of disks that the cloud takes (`disk_format`); empty where it does not say. */
  listDiskFormats(options?: CallOptions): Promise<string[]>;
  /** Over all pages. `tags`: carrying every one; `properties`: exact values of free or built-in properties. */
  listImages(
    query?: { tags?: string[]; name?: string; properties?: Record<string, string> },
    options?: CallOptions,
  ): Promise<Image[]>;
  getImage(id: string, options?: CallOptions): Promise<Image | undefined>;
  createImage(request: CreateImage, options?: CallOptions): Promise<Image>;
  /**
   * Streams the bytes in. `size` in bytes, where known. Not retried inside: a stream can be read once.
   * @throws FactoryError Conflict when the image has its bytes, or gets them from another upload
   */
  uploadImage(
    id: string,
    data: Readable,
    options?: CallOptions & { size?: number; onProgress?: (bytes: number) => void },
  ): Promise<void>;
  /** Streams the bytes out; the caller consumes or destroys the stream. Fails at its end if they do not have the digest that Glance promised. */
  /** Ways in which Glance takes an image's bytes besides an upload (`web-download` for one); empty where it has none. */
  listImportMethods(options?: CallOptions): Promise<string[]>;
  /**
   * Lets Glance fetch an image's bytes from an address by itself. The image is `importing` then; when that has failed it is `queued`
   * again, and `os_glance_failed_import` names where.
   * https://docs.openstack.org/glance/latest/admin/interoperable-image-import.html
   * @throws FactoryError Conflict unless it is queued and nobody imports it; BadRequest for an address that the cloud does not allow
   */
  importImage(id: string, uri: string, options?: CallOptions): Promise<void>;
  /** What Glance says of an image's last import; undefined where it says nothing. */
  getImportMessage(id: string, options?: CallOptions): Promise<string | undefined>;
  downloadImage(id: string, options?: CallOptions): Promise<{ data: Readable; size: number | null }>;
  /** Properties are addressed as `/name`; missing ones are added by `add`, existing ones replaced. */
  updateImage(id: string, changes: ImageChange[], options?: CallOptions): Promise<Image>;
  deleteImage(id: string, options?: CallOptions): Promise<void>;
}
