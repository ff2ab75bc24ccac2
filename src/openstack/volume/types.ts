import type { CallOptions } from '../http/call-options.js';

/** https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes */
export interface Volume {
  id: string;
  name: string | null;
  /** creating, downloading, available, reserved, attaching, in-use, detaching, uploading, deleting, error, error_deleting, … */
  status: string;
  /** GiB. */
  size: number;
  /** Whether a server may boot from it: true of one that was made from an image. */
  bootable: boolean;
  metadata: Record<string, string>;
  attachments: { server_id: string; attachment_id?: string }[];
  volume_type: string | null;
  /** UTC without a zone. */
  created_at: string;
  /** What Nova goes by when a server boots from it, and what images that are made of it have: see `setImageMetadata`. */
  volume_image_metadata?: Record<string, string>;
}

export interface CreateVolume {
  name: string;
  /** GiB. */
  size: number;
  /** The image that its content comes from; empty without. */
  imageRef?: string;
  availability_zone?: string;
  /** Default: the cloud's own. */
  volume_type?: string;
  metadata: Record<string, string>;
}

export interface Volumes {
  /** Whether the cloud's catalogue has block storage for us. Without it every other call fails with NotFound. */
  isAvailable(options?: CallOptions): Promise<boolean>;
  /** All of the project, with details, over all pages. `metadata`: those that have every pair; `name`: exactly this one. */
  listVolumes(query?: { name?: string; metadata?: Record<string, string> }, options?: CallOptions): Promise<Volume[]>;
  getVolume(id: string, options?: CallOptions): Promise<Volume | undefined>;
  /**
   * What Cinder has to say to its users of a volume that it could not make, attach or upload, the newest first; nothing where it
   * is older than that. https://docs.openstack.org/api-ref/block-storage/v3/#messages
   */
  listMessages(id: string, options?: CallOptions): Promise<string[]>;
  createVolume(request: CreateVolume, options?: CallOptions): Promise<Volume>;
  /**
   * Starts its deletion; one that is being deleted already is left to that.
   * @throws FactoryError Conflict while it is made, attached or uploaded
   */
  deleteVolume(id: string, options?: CallOptions): Promise<void>;
  /**
   * Adds these pairs to its own metadata, replacing those of the same keys; the others stay.
   * @throws FactoryError Conflict while it is uploaded
   */
  setMetadata(id: string, metadata: Record<string, string>, options?: CallOptions): Promise<void>;
  /** Adds these pairs to the properties that it hands on (`volume_image_metadata`), replacing those of the same keys; the others stay. */
  setImageMetadata(id: string, metadata: Record<string, string>, options?: CallOptions): Promise<void>;
  /**
   * Starts a private image with its content and the properties that it hands on; answers the image's id. The volume is
   * `uploading` until it is done, and then `available` again, whether it went well or not.
   * @throws FactoryError Conflict when it is not available
   */
  uploadToImage(
    id: string,
    request: { image_name: string; disk_format: string; container_format: string },
    options?: CallOptions,
  ): Promise<string>;
}
