import type { Deps } from '../shared/context.js';
import { findCredentials, forgetCredentials } from '../shared/credentials.js';
import { createOperation, withProvider, type PushInput } from './with-provider.js';

/**
 * Ends a push: removes what only the push needed at the provider, and the key of the credentials that the user has
 * given.
 *
 * @param keepUpload whether an unfinished upload stays, so that a resumed push goes on with it
 * @returns what was removed at the provider
 */
export async function endPush(
  deps: Deps,
  { ref, input, keepUpload }: PushInput & { keepUpload: boolean },
): Promise<string[]> {
  // A second attempt, after a lost reply, finds that the first one has ended the push.
  const { credentials } = input.provider;
  const isOver = credentials !== undefined && (await findCredentials(deps, credentials)) === undefined;
  const removed =
    keepUpload || isOver
      ? []
      : await withProvider(deps, input, ({ provider }) =>
          provider.removeStaging(createOperation(deps, ref.uuid), ref.uuid),
        );
  await forgetCredentials(deps, credentials);
  return removed;
}
