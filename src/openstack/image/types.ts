import type { Readable } from 'node:stream';
import type { CallOptions } from '../http/call-options.js';

/** https://docs.openstack.org/api-ref/image/v2/. Every image may carry further, free properties of type string. */
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
  /** A UUID that we choose: then a second create fails with 409 (type Conflict) and makes no second image. */
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

/** One operation of an image's JSON patch (https://docs.openstack.org/api-ref/image/v2/#update-image). */
export type ImageChange = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string };

export interface Images {
  /** Lists the disk formats (`disk_format`) that the cloud accepts; empty if the cloud does not tell. */
  listDiskFormats(options?: CallOptions): Promise<string[]>;
  /**
   * Lists images over all pages. `tags`: images that carry all of them; `properties`: exact values, free or built-in.
   */
  listImages(
    query?: { tags?: string[]; name?: string; properties?: Record<string, string> },
    options?: CallOptions,
  ): Promise<Image[]>;
  getImage(id: string, options?: CallOptions): Promise<Image | undefined>;
  createImage(request: CreateImage, options?: CallOptions): Promise<Image>;
  /**
   * Uploads the bytes. `size`: their number, if known. Never retried here, because a stream can be read only once.
   * @throws FactoryError Conflict when the image has its bytes already, or another upload was faster
   */
  uploadImage(
    id: string,
    data: Readable,
    options?: CallOptions & { size?: number; onProgress?: (bytes: number) => void },
  ): Promise<void>;
  /** Lists the import methods that Glance offers besides the upload, such as `web-download`. */
  listImportMethods(options?: CallOptions): Promise<string[]>;
  /**
   * Starts a web-download: Glance fetches the image's bytes from a URL. The image is `importing` meanwhile; if the
   * import fails, it is `queued` again, and `os_glance_failed_import` names the store that failed.
   * https://docs.openstack.org/glance/latest/admin/interoperable-image-import.html
   * @throws FactoryError Conflict unless the image is queued and no import runs; BadRequest for a URL that the cloud
   *   forbids
   */
  importImage(id: string, uri: string, options?: CallOptions): Promise<void>;
  /** Returns Glance's message about an image's last import; undefined if there is none. */
  getImportMessage(id: string, options?: CallOptions): Promise<string | undefined>;
  /** Downloads the bytes. The caller reads or destroys the stream, which fails at its end on a wrong size or digest. */
  downloadImage(id: string, options?: CallOptions): Promise<{ data: Readable; size: number | null }>;
  /** Changes properties. A property's path is `/name`; `add` adds a missing property and replaces an existing one. */
  updateImage(id: string, changes: ImageChange[], options?: CallOptions): Promise<Image>;
  deleteImage(id: string, options?: CallOptions): Promise<void>;
}
