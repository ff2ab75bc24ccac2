import type { RegisteredImage } from '../../domain/provider-image.js';
import type { BuildRecord } from '../../domain/record.js';

/** The fields of a record that say which image was registered at a provider. */
export function describeRegistered({ verifiedBy, ...image }: RegisteredImage): Partial<BuildRecord> {
  return {
    registered: image,
    identifier_on_provider: image.id,
    ...(image.account === undefined ? {} : { provider_account_identifier: image.account }),
    verified_by: verifiedBy,
  };
}
