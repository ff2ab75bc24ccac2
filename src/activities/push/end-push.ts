import type { Deps } from '../shared/context.js';
import { ignoreMissing, loadPushedImage } from './pushed-image.js';
import { createOperation, withProvider, type PushInput } from './with-provider.js';

/**
 * How a push has ended. `failed`: an unfinished upload stays, so that a resumed push goes on with it. `canceled`: also
 * an image goes that this run has registered just before. `complete`: the image stays.
 */
export type PushEnd = 'complete' | 'failed' | 'canceled';

/** Ends a push at its provider: removes what only the push needed. Returns what was removed there. */
export async function endPush(deps: Deps, { ref, input, end }: PushInput & { end: PushEnd }): Promise<string[]> {
  return end === 'failed' ? [] : removeUnneeded(deps, { ref, input }, end);
}

async function removeUnneeded(deps: Deps, { ref, input }: PushInput, end: PushEnd): Promise<string[]> {
  // The record of an image that was complete before this run stays, and so does the image.
  const isKept = end === 'complete' || (await deps.store.readRecord(ref.uuid))?.status === 'COMPLETE';
  const image = isKept ? undefined : await loadPushedImage(deps, ref.uuid, input.targetImage).catch(ignoreMissing);
  return withProvider(deps, input, async ({ provider }) => {
    const operation = createOperation(deps, ref.uuid);
    const registered = image === undefined ? undefined : await provider.find(operation, image);
    const deleted = registered === undefined ? [] : await provider.delete(operation, registered);
    return [...deleted, ...(await provider.removeStaging(operation, ref.uuid, { everything: !isKept }))];
  });
}
