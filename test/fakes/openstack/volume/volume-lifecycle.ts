import { randomUUID } from 'node:crypto';
import type { Machines } from '../compute/machines.js';
import type { Clock } from '../core/clock.js';
import type { Image } from '../image/image.js';
import type { CloudState, FakeImage, FakeVolume } from '../state.js';
import type { VolumeBehaviours } from './behaviour.js';
import { addMessage } from './messages.js';
import type { CreateVolumeRequest, UploadRequest } from './requests.js';

/** Keys of a volume's image metadata that are not image properties. Cinder does not copy them to an uploaded image. */
const NO_PROPERTIES = [
  'image_id',
  'image_name',
  'checksum',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
];

/**
 * The image metadata that Cinder sets on a volume before it copies the image's properties. If the image has a property
 * of the same name, Cinder fails to copy the properties.
 */
const UNVERIFIED = { signature_verified: 'False' };

/** Reads the image properties of a volume: those copied from the volume's image, and those that a caller has set. */
export function readImageProperties({ imageMetadata = {} }: FakeVolume): Record<string, string> {
  return Object.fromEntries(Object.entries(imageMetadata).filter(([name]) => !NO_PROPERTIES.includes(name)));
}

function buildImageMetadata(image: FakeImage): Record<string, string> {
  return {
    ...UNVERIFIED,
    ...image.properties,
    image_id: image.id,
    image_name: image.name ?? '',
    checksum: image.checksum ?? '',
    container_format: image.container_format ?? '',
    disk_format: image.disk_format ?? '',
    min_disk: String(image.min_disk),
    min_ram: String(image.min_ram),
    size: String(image.size ?? 0),
  };
}

/** Moves volumes through their states. */
export class VolumeLifecycle {
  constructor(
    private readonly state: CloudState,
    private readonly clock: Clock,
    private readonly behaviours: VolumeBehaviours,
    private readonly image: Image,
    private readonly machines: Machines,
  ) {}

  create({ name, description, size, metadata, image }: CreateVolumeRequest): FakeVolume {
    const volume: FakeVolume = {
      id: randomUUID(),
      name,
      description,
      status: 'creating',
      size,
      bootable: false,
      metadata,
      attachments: [],
      content: image === undefined ? { blank: true } : { ...image.content },
      createdAt: Date.now(),
      updatedAt: null,
    };
    this.state.volumes.set(volume.id, volume);
    const how = this.behaviours.take(volume, 'create')?.create ?? 'ok';
    const { volumeCreate, volumeDownload } = this.clock.durations;
    this.clock.after(volumeCreate, () => {
      if (image === undefined) return this.finishCreate(volume, how, 'create');
      this.set(volume, { status: 'downloading' });
      this.clock.after(volumeDownload, () => this.finishCopy(volume, image, how));
    });
    return volume;
  }

  private finishCopy(volume: FakeVolume, image: FakeImage, how: 'ok' | 'error' | 'stuck'): void {
    if (how !== 'ok') return this.finishCreate(volume, how, 'copy');
    if (Object.hasOwn(image.properties, 'signature_verified')) {
      // Cinder has copied the bytes, and then fails with MetadataCopyFailure. It adds no user message about this
      // failure.
      return this.set(volume, { bootable: true, imageMetadata: { ...UNVERIFIED }, status: 'error' });
    }
    this.set(volume, { bootable: true, imageMetadata: buildImageMetadata(image), status: 'available' });
  }

  private finishCreate(volume: FakeVolume, how: 'ok' | 'error' | 'stuck', what: 'create' | 'copy'): void {
    if (how === 'error') addMessage(this.state, volume, what);
    if (how !== 'stuck') this.set(volume, { status: how === 'error' ? 'error' : 'available' });
  }

  delete(volume: FakeVolume): void {
    this.set(volume, { status: 'deleting' });
    const how = this.behaviours.take(volume, 'delete')?.delete ?? 'ok';
    this.clock.after(this.clock.durations.volumeDelete, () => {
      if (how === 'error') this.set(volume, { status: 'error_deleting' });
      if (how === 'ok') this.remove(volume);
    });
  }

  /** Removes a volume at once, in any state. */
  remove(volume: FakeVolume): void {
    this.state.volumes.delete(volume.id);
    void this.machines.discard(volume.content);
  }

  /** Starts to upload a volume as an image. */
  upload(volume: FakeVolume, request: UploadRequest): FakeImage {
    const image = this.image.createImage({ ...request, properties: readImageProperties(volume) });
    this.set(volume, { status: 'uploading' });
    const how = this.behaviours.take(volume, 'upload')?.upload ?? 'ok';
    this.clock.after(this.clock.durations.volumeUpload, () => {
      if (how !== 'stuck')
        void this.finishUpload(volume, image, how).then(() => this.set(volume, { status: 'available' }));
    });
    return image;
  }

  private async finishUpload(
    volume: FakeVolume,
    image: FakeImage,
    how: 'ok' | 'deleted' | 'lost' | 'empty',
  ): Promise<void> {
    if (how === 'lost') return;
    const isThere = this.state.images.has(image.id);
    if (!isThere || how === 'deleted') {
      addMessage(this.state, volume, 'upload');
      // If the image is missing, another user has deleted it during the upload.
      return isThere ? this.image.remove(image) : undefined;
    }
    await this.machines.saveDisk(volume.content, volume.size, image, how === 'empty');
    Object.assign(image, { virtual_size: volume.size * 1024 ** 3, status: 'active', updatedAt: Date.now() });
  }

  private set(volume: FakeVolume, change: Partial<FakeVolume>): void {
    Object.assign(volume, change, { updatedAt: Date.now() });
  }
}
