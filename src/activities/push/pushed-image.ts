import { FactoryError } from '../../domain/errors.js';
import { readOutputs } from '../../domain/lineage.js';
import type { BuildRecord } from '../../domain/record.js';
import { FORMAT_NAMES, type FormatName } from '../../domain/target-formats.js';
import type { PushedImage } from '../../providers/types.js';
import type { Deps } from '../shared/context.js';

/** The fields of a record that a provider may publish with an image. They hold no template and no parameters. */
const PUBLISHED_FIELDS = [
  'identifier',
  'type',
  'name',
  'os',
  'created_at',
  'completed_at',
  'target',
  'format',
  'size',
  'virtual_size',
  'sha256',
  'sha512',
  'verified_by',
  'converter',
  'packages',
  'package_details',
  'parent',
  'inputs',
  'outputs',
] as const;

/**
 * Describes the target image that is pushed, from its record.
 *
 * @throws FactoryError NotFound when the store has no such image, Conflict when it is not complete, InvalidParameter
 *   when it is no target image
 */
export async function loadPushedImage(
  { store }: Pick<Deps, 'store'>,
  uuid: string,
  targetImage: string,
): Promise<PushedImage> {
  const record = await store.readRecord(targetImage);
  if (record === undefined) {
    throw new FactoryError('NotFound', `the store of the worker has no image ${targetImage}`, {
      hint: 'imagefactory images lists the images',
    });
  }
  const { type, status, target, name, os, format, size, virtual_size, sha256, sha512 } = record;
  if (type !== 'TargetImage') {
    throw new FactoryError('InvalidParameter', `image ${targetImage} is no target image, but a ${type}`, {
      hint: 'imagefactory push makes the target image of a base image first',
    });
  }
  if (status !== 'COMPLETE' || sha256 === undefined || sha512 === undefined || size === null || !isFormat(format)) {
    throw new FactoryError('Conflict', `target image ${targetImage} is ${status}, not COMPLETE`, {
      hint: `imagefactory resume ${targetImage} continues it; then give this command again`,
    });
  }
  const [output] = readOutputs(record);
  return {
    uuid,
    source: targetImage,
    name: `${name}-${target ?? format}`,
    os,
    firmware: record.firmware ?? 'bios',
    secureBoot: record.secure_boot ?? false,
    guestProperties: record.guest_properties ?? {},
    file: {
      path: store.bodyPath(targetImage),
      name: output?.name ?? `${name}.${format}`,
      format,
      size,
      virtualSize: virtual_size ?? size,
      sha256,
      sha512,
    },
    documents: {
      ...(record.icicle === null ? {} : { icicle: record.icicle }),
      record: JSON.stringify(pickPublished(record)),
    },
  };
}

function isFormat(format: string | undefined): format is FormatName {
  return FORMAT_NAMES.some((name) => name === format);
}

function pickPublished(record: BuildRecord): object {
  return Object.fromEntries(PUBLISHED_FIELDS.map((field) => [field, record[field]]));
}

/** Ignores that an image is not there, or not complete. Any other error, such as that of a disk, is thrown again. */
export function ignoreMissing(error: unknown): undefined {
  if (error instanceof FactoryError && ['NotFound', 'Conflict', 'InvalidParameter'].includes(error.type))
    return undefined;
  throw error;
}
