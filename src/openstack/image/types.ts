import type { Readable } from 'node:stream';
import type { CallOptions } from '../../http/call-options.js';

/** An image (https://docs.openstack.org/api-ref/image/v2/). It may have custom properties, whose values are strings. */
export interface Image {
  id: string;
  name: string | null;
  /** One of queued, saving, uploading, importing, active, deactivated, killed, deleted, pending_delete. */
  status: string;
  /** Size in bytes; null while Glance does not know it. */
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
  /**
   * A UUID that we choose, so that a second create fails with 409 (type Conflict) and makes no second image. Default:
   * Glance chooses a UUID.
   */
  id?: string;
  name: string;
  disk_format: string;
  container_format: string;
  visibility?: 'private' | 'shared' | 'community' | 'public';
  min_disk?: number;
  min_ram?: number;
  tags?: string[];
  /** Custom properties, by name. */
  properties?: Record<string, string>;
}

/** One operation of an image's JSON patch (https://docs.openstack.org/api-ref/image/v2/#update-image). */
export type ImageChange = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string };

export interface Images {
  /** Lists the disk formats (`disk_format`) that Glance accepts; empty if its schema does not list them. */
  listDiskFormats(options?: CallOptions): Promise<string[]>;
  /**
   * Lists images over all pages. `tags`: only images that have all of these tags; `properties`: only images with
   * exactly these values in custom or built-in properties.
   */
  listImages(
    query?: { tags?: string[]; name?: string; properties?: Record<string, string> },
    options?: CallOptions,
  ): Promise<Image[]>;
  getImage(id: string, options?: CallOptions): Promise<Image | undefined>;
  createImage(request: CreateImage, options?: CallOptions): Promise<Image>;
  /**
   * Uploads the data of an image. `size`: the number of bytes, if known. This method does not retry, because a stream
   * can be read only once.
   * @throws FactoryError Conflict when the image already has data, or another upload ended first
   */
  uploadImage(
    id: string,
    data: Readable,
    options?: CallOptions & { size?: number; onProgress?: (bytes: number) => void },
  ): Promise<void>;
  /** Lists the import methods that Glance offers besides the upload, such as `web-download`. */
  listImportMethods(options?: CallOptions): Promise<string[]>;
  /**
   * Starts a web-download: Glance fetches the image's bytes from a URL. During the import, the image is `importing`. If
   * the import fails, the image is `queued` again, and `os_glance_failed_import` names the store that failed.
   * https://docs.openstack.org/glance/latest/admin/interoperable-image-import.html
   * @throws FactoryError Conflict when the image is not queued, or an import of it already runs; BadRequest for a URL
   *   that the cloud forbids
   */
  importImage(id: string, uri: string, options?: CallOptions): Promise<void>;
  /** Returns Glance's message about an image's last import; undefined if there is none. */
  getImportMessage(id: string, options?: CallOptions): Promise<string | undefined>;
  /**
   * Downloads the data of an image. The caller must read or destroy the stream. The stream fails at its end if the size
   * or the digest is wrong.
   */
  downloadImage(id: string, options?: CallOptions): Promise<{ data: Readable; size: number | null }>;
  /**
   * Reads the data of an image from an offset in bytes, without a check of the digest. Where the store of the cloud
   * cannot do this, the data begins at the first byte: the result says where it begins. The caller must read or destroy
   * the stream.
   */
  readImage(id: string, offset: number, options?: CallOptions): Promise<{ data: Readable; offset: number }>;
  /** Changes properties. A property's path is `/name`; `add` adds a missing property and replaces an existing one. */
  updateImage(id: string, changes: ImageChange[], options?: CallOptions): Promise<Image>;
  /**
   * Lets a project use a `shared` image, after its users have accepted it. Does nothing when it may already.
   * https://docs.openstack.org/api-ref/image/v2/#create-image-member
   */
  addMember(id: string, projectId: string, options?: CallOptions): Promise<void>;
  deleteImage(id: string, options?: CallOptions): Promise<void>;
}
