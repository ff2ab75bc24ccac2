import { stat } from 'node:fs/promises';
import { FactoryError } from '../../domain/errors.js';
import type { UploadedFile } from '../../domain/provider-image.js';
import { withStoreErrors } from '../../domain/store-errors.js';
import { digestFile } from '../../formats/index.js';
import type { PushedImage } from '../../providers/types.js';
import { cancellationSignal, reportProgress, type Deps } from '../shared/context.js';
import { loadPushedImage } from './pushed-image.js';
import { createOperation, withProvider, type PushInput } from './with-provider.js';

/**
 * Uploads the file of a target image to its provider. A new attempt, on any worker, goes on where the earlier one
 * stopped.
 */
export async function uploadToProvider(deps: Deps, { ref, input }: PushInput): Promise<UploadedFile> {
  const image = await loadPushedImage(deps, ref.uuid, input.targetImage);
  await checkFile(image);
  return withProvider(deps, input, ({ provider }) =>
    provider.upload(createOperation(deps, ref.uuid, input.parameters.upload_rate), image),
  );
}

/** Checks that the file is the one that the record describes: what was damaged in the store is never published. */
async function checkFile({ source, file }: PushedImage): Promise<void> {
  const { path, size, sha256 } = file;
  reportProgress({ message: `reading the file of target image ${source}` });
  const hint = `make the target image again: imagefactory delete ${source}, then imagefactory target_image`;
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new FactoryError('NotFound', `the file of target image ${source} is not in the store any more`, { hint });
  }
  const digest =
    found.size === size ? await withStoreErrors('read', path, () => digestFile(path, cancellationSignal())) : undefined;
  if (digest?.sha256 === sha256) return;
  throw new FactoryError(
    'ChecksumMismatch',
    `the file of target image ${source} is not the one that its record describes`,
    { hint },
  );
}
