import type { CallOptions } from '../http/call-options.js';

/** https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes */
export interface Volume {
  id: string;
  name: string | null;
  /** creating, downloading, available, attaching, in-use, detaching, uploading, deleting, error, error_deleting, … */
  status: string;
  /** GiB. */
  size: number;
  /** Whether a server can boot from it: true if it was created from an image. */
  bootable: boolean;
  metadata: Record<string, string>;
  attachments: { server_id: string; attachment_id?: string }[];
  volume_type: string | null;
  /** UTC without a time zone. */
  created_at: string;
  /** Image properties: Nova uses them when a server boots from the volume, and an image made from it gets them. */
  volume_image_metadata?: Record<string, string>;
}

export interface CreateVolume {
  name: string;
  /** GiB. */
  size: number;
  /** The image that Cinder copies into it. Default: the volume is empty. */
  imageRef?: string;
  availability_zone?: string;
  /** Default: the cloud's default type. */
  volume_type?: string;
  metadata: Record<string, string>;
}

export interface Volumes {
  /** Whether the cloud's catalogue has block storage. If not, every other call fails with NotFound. */
  isAvailable(options?: CallOptions): Promise<boolean>;
  /**
   * Lists the project's volumes, with details, over all pages. `metadata`: volumes with all pairs; `name`: exactly
   * this.
   */
  listVolumes(query?: { name?: string; metadata?: Record<string, string> }, options?: CallOptions): Promise<Volume[]>;
  getVolume(id: string, options?: CallOptions): Promise<Volume | undefined>;
  /**
   * Lists Cinder's user messages about a volume that it could not create, attach or upload, newest first; empty if this
   * Cinder is too old for messages. https://docs.openstack.org/api-ref/block-storage/v3/#messages
   */
  listMessages(id: string, options?: CallOptions): Promise<string[]>;
  createVolume(request: CreateVolume, options?: CallOptions): Promise<Volume>;
  /**
   * Starts the deletion; succeeds if the volume is being deleted already.
   * @throws FactoryError Conflict while the volume is being created, attached or uploaded
   */
  deleteVolume(id: string, options?: CallOptions): Promise<void>;
  /**
   * Sets these keys of the volume's metadata; other keys stay as they are.
   * @throws FactoryError Conflict while the volume is being uploaded
   */
  setMetadata(id: string, metadata: Record<string, string>, options?: CallOptions): Promise<void>;
  /** Sets these keys of the volume's image properties (`volume_image_metadata`); other keys stay as they are. */
  setImageMetadata(id: string, metadata: Record<string, string>, options?: CallOptions): Promise<void>;
  /**
   * Starts an upload of the volume to a new private image, which gets the volume's image properties; returns the
   * image's id. The volume is `uploading` until the end, and then `available` again, also after a failure.
   * @throws FactoryError Conflict when the volume is not `available`
   */
  uploadToImage(
    id: string,
    request: { image_name: string; disk_format: string; container_format: string },
    options?: CallOptions,
  ): Promise<string>;
}
