import { randomUUID } from 'node:crypto';
import type { Machines } from '../compute/machines.js';
import type { Clock } from '../core/clock.js';
import type { Image } from '../image/image.js';
import type { CloudState, FakeImage, FakeVolume } from '../state.js';
import type { VolumeBehaviours } from './behaviour.js';
import { tell } from './messages.js';
import type { CreateVolumeRequest, UploadRequest } from './requests.js';

/** What a volume has of its image that is no property of the image, and that an image made of the volume does not get. */
const OF_GLANCE = [
  'image_id',
  'image_name',
  'checksum',
  'container_format',
  'disk_format',
  'min_disk',
  'min_ram',
  'size',
];

/** What Cinder puts down of every image before it copies its properties, which fails when the image has it already. */
const VERIFIED = { signature_verified: 'False' };

/** The properties of the image that a volume was made from, and those that were set since. */
export function propertiesOf({ imageMetadata = {} }: FakeVolume): Record<string, string> {
  return Object.fromEntries(Object.entries(imageMetadata).filter(([name]) => !OF_GLANCE.includes(name)));
}

function imageMetadataOf(image: FakeImage): Record<string, string> {
  return {
    ...VERIFIED,
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

/** What happens to volumes as time goes by. */
export class VolumeLife {
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
      if (image === undefined) return this.made(volume, how, 'create');
      this.set(volume, { status: 'downloading' });
      this.clock.after(volumeDownload, () => this.copied(volume, image, how));
    });
    return volume;
  }

  private copied(volume: FakeVolume, image: FakeImage, how: 'ok' | 'error' | 'stuck'): void {
    if (how !== 'ok') return this.made(volume, how, 'copy');
    if (Object.hasOwn(image.properties, 'signature_verified')) {
      // MetadataCopyFailure: its bytes are there by then. Cinder has no message for its users about that.
      return this.set(volume, { bootable: true, imageMetadata: { ...VERIFIED }, status: 'error' });
    }
    this.set(volume, { bootable: true, imageMetadata: imageMetadataOf(image), status: 'available' });
  }

  private made(volume: FakeVolume, how: 'ok' | 'error' | 'stuck', what: 'create' | 'copy'): void {
    if (how === 'error') tell(this.state, volume, what);
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

  /** It is gone at once, whatever it was doing. */
  remove(volume: FakeVolume): void {
    this.state.volumes.delete(volume.id);
    void this.machines.discard(volume.content);
  }

  /** Starts an image of it. */
  upload(volume: FakeVolume, request: UploadRequest): FakeImage {
    const image = this.image.newImage({ ...request, properties: propertiesOf(volume) });
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
      tell(this.state, volume, 'upload');
      // Or somebody else has deleted it while it was being uploaded.
      return isThere ? this.image.remove(image) : undefined;
    }
    await this.machines.saveDisk(volume.content, volume.size, image, how === 'empty');
    Object.assign(image, { virtual_size: volume.size * 1024 ** 3, status: 'active', updatedAt: Date.now() });
  }

  private set(volume: FakeVolume, change: Partial<FakeVolume>): void {
    Object.assign(volume, change, { updatedAt: Date.now() });
  }
}
