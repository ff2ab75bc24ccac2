import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs } from '../../domain/provider-marks.js';
import type { RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, PushedImage } from '../types.js';
import type { ComputeImage, Images, NewImage } from './compute.js';
import type { OperationProblem } from './google-errors.js';
import { architectureOf, guestOsFeatures } from './guest-features.js';
import { familyName, imageName, importRequestId, labelsOf } from './names.js';
import { removeImage } from './remove.js';
import { waitForOperation, waitUntilReady } from './wait.js';

export const GIB = 1024 ** 3;

/** Compute Engine names an archive so, whatever the address of Cloud Storage is in this network. */
const ARCHIVES = 'https://storage.googleapis.com';

/** Finds our image, whatever its status. @throws FactoryError Conflict when the image is somebody else's */
export async function findImage(
  images: Images,
  image: PushedImage,
  signal: AbortSignal,
): Promise<ComputeImage | undefined> {
  const name = imageName(image);
  const found = await images.find(name, signal);
  if (found === undefined || isMarkedAs(found.labels ?? {}, image)) return found;
  throw new FactoryError(
    'Conflict',
    `project ${images.project} has an image ${name} that does not carry the labels of image ${image.uuid}`,
    { hint: 'look whose image it is; imagefactory does not touch it' },
  );
}

/** Registers the archive as an image, once, and waits until machines can be started from it. */
export async function registerImage(
  images: Images,
  operation: Operation,
  image: PushedImage,
  uploaded: UploadedFile,
  storageLocation: string | undefined,
): Promise<RegisteredImage> {
  const { signal } = operation;
  let found = await findImage(images, image, signal);
  if (found?.status === 'FAILED') {
    // An import of an earlier attempt. Its name must be free before the next.
    await removeImage(images, operation, found);
    found = undefined;
  }
  // One that is PENDING has an import that still runs, whose errors are worth waiting for.
  const isReady = found?.status === 'READY';
  const warnings = isReady ? [] : await importImage(images, operation, image, uploaded, storageLocation);
  const ready = await waitUntilReady(images, operation, imageName(image));
  return describeImage(images, image, ready, uploaded.verifiedBy, warnings);
}

/** Imports the archive, or waits for the import that an earlier attempt has started. */
async function importImage(
  images: Images,
  operation: Operation,
  image: PushedImage,
  uploaded: UploadedFile,
  storageLocation: string | undefined,
): Promise<OperationProblem[]> {
  const { signal } = operation;
  const name = imageName(image);
  const imports = await images.listImports(name, signal);
  const body = newImage(operation, image, uploaded, storageLocation);
  const requestId = importRequestId(image, imports.filter(({ status }) => status === 'DONE').length);
  const started =
    imports.find(({ status }) => status !== 'DONE') ??
    (await retryPart(operation, () => images.insert(body, requestId, signal)));
  if (started !== undefined) return waitForOperation(images, operation, started, `the import of image ${name}`);
  // The name is taken: by an attempt of ours that still runs, or by somebody else, which this throws.
  await findImage(images, image, signal);
  return [];
}

function newImage(
  operation: Operation,
  image: PushedImage,
  { ids }: UploadedFile,
  storageLocation: string | undefined,
): NewImage {
  const { os } = image;
  return {
    name: imageName(image),
    description: `${os.name} ${os.version} ${os.arch}: ${image.name}`,
    family: familyName(image),
    labels: labelsOf(image, operation.creator),
    architecture: architectureOf(os.arch),
    guestOsFeatures: guestOsFeatures(image).map((type) => ({ type })),
    rawDisk: { containerType: 'TAR', source: `${ARCHIVES}/${ids['bucket'] ?? ''}/${ids['object'] ?? ''}` },
    ...(storageLocation === undefined ? {} : { storageLocations: [storageLocation] }),
  };
}

/**
 * Finds our image when it is READY and what is pushed. Undefined also for every other image of its name: `check` says
 * what is wrong with that, and nothing but our labels decides whether it can be removed.
 */
export async function findReady(
  images: Images,
  image: PushedImage,
  signal: AbortSignal,
): Promise<RegisteredImage | undefined> {
  const found = await images.find(imageName(image), signal);
  if (found?.status !== 'READY' || !isMarkedAs(found.labels ?? {}, image)) return undefined;
  if (findDifferences(image, found).length > 0) return undefined;
  return describeImage(images, image, found, 'the labels of the image compared');
}

/** Compares an image that is READY with what is pushed, as far as Compute Engine tells. */
function findDifferences({ file, os }: PushedImage, ready: ComputeImage): string[] {
  const size = String(Math.ceil(file.virtualSize / GIB));
  const architecture = architectureOf(os.arch);
  return [
    ...(ready.diskSizeGb === size ? [] : [`a disk of ${ready.diskSizeGb ?? 'unknown'} GiB instead of ${size}`]),
    ...(ready.architecture === undefined || ready.architecture === architecture
      ? []
      : [`the architecture ${ready.architecture} instead of ${architecture}`]),
  ];
}

/** @throws FactoryError ImageFailed when an image that is READY is not what is pushed */
export function assertSame(image: PushedImage, ready: ComputeImage): void {
  const differences = findDifferences(image, ready);
  if (differences.length === 0) return;
  throw new FactoryError('ImageFailed', `image ${ready.name} has ${differences.join(' and ')}`, {
    hint: `remove it, and push again: imagefactory delete ${image.uuid}`,
  });
}

/** Describes an image that is READY. @throws FactoryError ImageFailed when it is not what was pushed */
function describeImage(
  images: Images,
  image: PushedImage,
  ready: ComputeImage,
  verifiedBy: string,
  warnings: readonly OperationProblem[] = [],
): RegisteredImage {
  assertSame(image, ready);
  const warned = warnings.map(({ code, message = '' }) => `; Compute Engine warned: ${code} ${message}`);
  const [region] = ready.storageLocations ?? [];
  return {
    id: ready.name,
    location: ready.selfLink,
    account: images.project,
    ...(region === undefined ? {} : { region }),
    resources: [],
    verifiedBy: `${verifiedBy}; the size of the disk compared; Compute Engine has no digest of an image${warned.join('')}`,
  };
}
