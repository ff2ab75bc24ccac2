import { FactoryError } from '../../domain/errors.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation } from '../types.js';
import type { ComputeImage, ComputeOperation, Images } from './compute.js';
import { operationError, type OperationProblem } from './google-errors.js';

/**
 * Waits until an operation of Compute Engine has ended. The step of the workflow has the time limit.
 *
 * @param what the operation, for people: "the import of image x"
 * @returns the warnings of the operation
 * @throws FactoryError with every error of the operation
 */
export async function waitForOperation(
  images: Images,
  operation: Operation,
  started: ComputeOperation,
  what: string,
): Promise<OperationProblem[]> {
  let current: ComputeOperation | undefined = started;
  while (current !== undefined && current.status !== 'DONE') {
    const { status, progress = 0 } = current;
    operation.report({ message: `${what} is ${status}: ${progress} %`, percent: progress });
    await operation.sleep(operation.pollInterval);
    current = await retryPart(operation, () => images.findOperation(started.name, operation.signal));
  }
  // Compute Engine forgets operations after some days. Then the image tells how it ended.
  if (current === undefined) return [];
  const { error, httpErrorStatusCode, httpErrorMessage, warnings = [] } = current;
  if (error === undefined && httpErrorStatusCode === undefined) return warnings;
  const problems = error?.errors ?? [{ code: `HTTP ${httpErrorStatusCode ?? ''}`, message: httpErrorMessage }];
  throw operationError(what, [...problems, ...warnings], httpErrorStatusCode);
}

/** Waits until machines can be started from an image. */
export async function waitUntilReady(images: Images, operation: Operation, name: string): Promise<ComputeImage> {
  for (;;) {
    const image = await images.find(name, operation.signal);
    if (image?.status === 'READY') return image;
    if (image?.status !== 'PENDING') throw endError(name, image?.status);
    operation.report({ message: `image ${name} is ${image.status}` });
    await operation.sleep(operation.pollInterval);
  }
}

function endError(name: string, status: 'FAILED' | 'DELETING' | undefined): FactoryError {
  if (status === 'FAILED') {
    return new FactoryError('ImageFailed', `image ${name} is FAILED: Compute Engine could not import the archive`, {
      hint: `gcloud compute operations list --filter=targetLink:${name} shows what Compute Engine has said`,
    });
  }
  const state = status === undefined ? 'is not there any more' : 'is DELETING';
  return new FactoryError('Conflict', `image ${name} ${state}: somebody else removes it`, { retryable: true });
}
