import { FactoryError } from '../../domain/errors.js';
import type { BuildRecord } from '../../domain/record.js';
import type { ProviderChoice } from '../../domain/provider-image-input.js';
import type { SealedCredentials } from '../../domain/sealed-credentials.js';
import type { Deps } from '../shared/context.js';
import { ignoreMissing, loadPushedImage } from './pushed-image.js';
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
  // The push has ended before it knew its provider: nothing was made there.
  if (record.provider_location === undefined && record.registered === undefined) return [];
  if (record.provider_credentials === 'given' && credentials === undefined) {
    throw new FactoryError('AuthenticationFailed', `image ${uuid} was pushed with credentials of its own`, {
      hint: `give them again: imagefactory delete ${uuid} --credentials FILE`,
    });
  }
  return withProvider(deps, { provider }, async ({ provider: used }) => {
    if (record.provider_location !== undefined && record.provider_location !== used.location) {
      throw new FactoryError(
        'Conflict',
        `image ${uuid} was pushed to ${record.provider_location}, but provider ${name} is ${used.location} now`,
        { hint: 'give the provider its former configuration, delete the image, and change the configuration again' },
      );
    }
    const operation = createOperation(deps, uuid);
    const registered = readRegistered(record) ?? (await findRegistered());
    const image = registered === undefined ? [] : await used.delete(operation, registered);
    return [...image, ...(await used.removeStaging(operation, uuid, { everything: true }))];

    /** A push may have died between the registration and its record. */
    async function findRegistered(): ReturnType<typeof used.find> {
      const pushed = await loadPushedImage(deps, uuid, record.target_image_id ?? '').catch(ignoreMissing);
      return pushed === undefined ? undefined : used.find(operation, pushed);
    }
  });
}

function readRegistered({ registered, verified_by: verifiedBy = '' }: BuildRecord) {
  return registered === undefined ? undefined : { ...registered, verifiedBy };
}
