import type { CallOptions } from '../../http/call-options.js';

/** https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes */
export interface Volume {
  id: string;
  name: string | null;
  /**
   * Cinder's status, such as creating, downloading, available, attaching, in-use, detaching, uploading, deleting, error
   * or error_deleting.
   */
  status: string;
  /** Size in GiB. */
  size: number;
  /** Whether a server can boot from the volume: true if the volume was created from an image. */
  bootable: boolean;
  metadata: Record<string, string>;
  attachments: { server_id: string; attachment_id?: string }[];
  volume_type: string | null;
  /** Time of the creation: UTC, without a time zone in the text. */
  created_at: string;
  /**
   * Image properties. Nova uses them when a server boots from the volume; an image that is made from the volume gets
   * them.
   */
  volume_image_metadata?: Record<string, string>;
}

export interface CreateVolume {
  name: string;
  /** Size in GiB. */
  size: number;
  /** Id of the image that Cinder copies to the volume. Default: the volume is empty. */
  imageRef?: string;
  availability_zone?: string;
  /** The volume type. Default: the cloud's default type. */
  volume_type?: string;
  metadata: Record<string, string>;
}

export interface Volumes {
  /** Checks whether the cloud's catalogue has block storage. If it has none, every other call fails with NotFound. */
  isAvailable(options?: CallOptions): Promise<boolean>;
  /**
   * Lists the project's volumes, with details, over all pages. `metadata`: only volumes that have all of these pairs;
   * `name`: only volumes with exactly this name.
   */
  listVolumes(query?: { name?: string; metadata?: Record<string, string> }, options?: CallOptions): Promise<Volume[]>;
  getVolume(id: string, options?: CallOptions): Promise<Volume | undefined>;
  /**
   * Lists Cinder's user messages about a volume that it could not create, attach or upload, newest first. The list is
   * empty if Cinder's release is too old for messages. https://docs.openstack.org/api-ref/block-storage/v3/#messages
   */
  listMessages(id: string, options?: CallOptions): Promise<string[]>;
  createVolume(request: CreateVolume, options?: CallOptions): Promise<Volume>;
  /**
   * Starts the deletion; succeeds if the volume is already being deleted.
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
   * Starts an upload of the volume to a new private image, which gets the volume's image properties. Returns the id of
   * the image. The volume is `uploading` until the upload ends, and then `available` again, also after a failure.
   * @throws FactoryError Conflict when the volume is not `available`
   */
  uploadToImage(
    id: string,
    request: { image_name: string; disk_format: string; container_format: string },
    options?: CallOptions,
  ): Promise<string>;
}
