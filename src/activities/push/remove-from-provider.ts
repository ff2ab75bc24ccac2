import type { BuildRecord } from '../../domain/record.js';
import type { ProviderChoice } from '../../domain/provider-image-input.js';
import type { SealedCredentials } from '../../domain/sealed-credentials.js';
import { forgetCredentials } from '../shared/credentials.js';
import type { Deps } from '../shared/context.js';
import { loadPushedImage } from './pushed-image.js';
import { createOperation, withProvider } from './with-provider.js';

/**
 * Removes a provider image from its provider, and what an unfinished push has left there. The record alone is enough.
 *
 * @param credentials those that the user has given; default: those of the worker
 * @returns what was removed
 */
export async function removeFromProvider(
  deps: Deps,
  record: BuildRecord,
  credentials: SealedCredentials | undefined,
): Promise<string[]> {
  const { identifier: uuid, provider: name = '', provider_definition: definition } = record;
  const provider: ProviderChoice = {
    name,
    ...(definition === undefined ? {} : { definition }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  const removed = await withProvider(deps, { provider }, async ({ provider: used }) => {
    const operation = createOperation(deps, uuid);
    const registered = readRegistered(record) ?? (await findRegistered());
    const image = registered === undefined ? [] : await used.delete(operation, registered);
    return [...image, ...(await used.removeStaging(operation, uuid))];

    /** A push may have died between the registration and its record. */
    async function findRegistered(): ReturnType<typeof used.find> {
      const pushed = await loadPushedImage(deps, uuid, record.target_image_id ?? '').catch(() => undefined);
      return pushed === undefined ? undefined : used.find(operation, pushed);
    }
  });
  await forgetCredentials(deps, credentials);
  return removed;
}

function readRegistered({ registered, verified_by: verifiedBy = '' }: BuildRecord) {
  return registered === undefined ? undefined : { ...registered, verifiedBy };
}
