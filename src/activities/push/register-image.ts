import type { RegisteredImage, UploadedFile } from '../../domain/provider-image.js';
import { describeRegistered } from '../records/registered.js';
import type { Deps } from '../shared/context.js';
import { loadPushedImage } from './pushed-image.js';
import { createOperation, withProvider, type PushInput } from './with-provider.js';

/** Registers the uploaded file as an image at its provider, once, and waits until it can be used. */
export async function registerImage(
  deps: Deps,
  { ref, input, uploaded }: PushInput & { uploaded: UploadedFile },
): Promise<RegisteredImage> {
  const image = await loadPushedImage(deps, ref.uuid, input.targetImage);
  const registered = await withProvider(deps, input, ({ provider }) =>
    provider.register(createOperation(deps, ref.uuid), image, uploaded),
  );
  // From here on the record alone is enough to delete the image, also when a later step fails.
  const record = await deps.store.readRecord(ref.uuid);
  if (record !== undefined) await deps.store.writeRecord({ ...record, ...describeRegistered(registered) });
  return registered;
}
