import { FactoryError } from '../../domain/errors.js';
import { HEADER_BYTES, readQcow2Header } from '../../formats/index.js';
import type { Cloud, Image } from '../../openstack/types.js';

/** Formats of images that are no disk of an installed system. */
const NO_DISKS = ['iso', 'aki', 'ari'];

/** Properties by which Glance and Cinder say that the bytes of an image are encrypted. */
const ENCRYPTION_PROPERTIES = ['os_encrypt_format', 'os_encrypt_key_id', 'cinder_encryption_key_id'];

/** Other names of an architecture, each with Glance's name. */
const ARCHITECTURES: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64', i386: 'i686' };

/**
 * Checks that an image in Glance can be the disk of an instance that we log in to.
 *
 * @param architecture Glance's name of the architecture that the image must have. Unset: any
 * @throws FactoryError ImageFailed; InvalidParameter for another architecture
 */
export function checkGlanceImage(image: Image, architecture?: string): void {
  const refuse = (why: string, hint?: string): never => {
    throw new FactoryError('ImageFailed', `image ${nameImage(image)} cannot be used: ${why}`, { hint });
  };
  if (image.status !== 'active') refuse(`it is ${image.status}, not active`);
  if (image.disk_format !== null && NO_DISKS.includes(image.disk_format)) {
    refuse(`its format is ${image.disk_format}, which is no disk of an installed system`);
  }
  if ((image.size ?? 0) === 0) {
    refuse('it has no bytes in Glance', 'it may be the snapshot of a volume: upload the volume to Glance instead');
  }
  if (ENCRYPTION_PROPERTIES.some((name) => image[name] !== undefined)) refuse('it is encrypted');
  const has = image['hw_architecture'] ?? image['architecture'];
  if (architecture === undefined || typeof has !== 'string' || has === '') return;
  if ((ARCHITECTURES[has] ?? has) === architecture) return;
  throw new FactoryError(
    'InvalidParameter',
    `image ${nameImage(image)} is for ${has} machines, but the template’s <arch> means ${architecture}`,
    { hint: 'name an image of the template’s architecture, or correct <arch>' },
  );
}

/**
 * Reads the beginning of a qcow2 image, and refuses one that names another file or is encrypted: Nova would not boot
 * it.
 *
 * @returns the virtual size in bytes; undefined for an image in another format
 * @throws FactoryError ImageFailed
 */
export async function checkGlanceDisk(
  { image: images }: Pick<Cloud, 'image'>,
  image: Image,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  if (image.disk_format !== 'qcow2') return undefined;
  const header = readQcow2Header(await readBeginning(images, image.id, signal));
  const refusal = header === undefined ? 'its bytes are not a qcow2, as its format says' : header.refusal;
  if (refusal === undefined) return header?.virtualSize;
  throw new FactoryError('ImageFailed', `image ${nameImage(image)} cannot be used: ${refusal}`, {
    hint: 'convert it to a qcow2 of one file: qemu-img convert -O qcow2',
  });
}

async function readBeginning(images: Cloud['image'], id: string, signal: AbortSignal): Promise<Buffer> {
  const { data } = await images.downloadImage(id, { signal });
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop destroys the stream, which ends the download.
  for await (const chunk of data as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= HEADER_BYTES) break;
  }
  return Buffer.concat(chunks);
}

function nameImage({ id, name }: Image): string {
  return name === null || name === id ? id : `${name} (${id})`;
}
