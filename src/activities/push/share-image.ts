import { FactoryError } from '../../domain/errors.js';
import type { RegisteredImage } from '../../domain/provider-image.js';
import { listAccounts } from '../../domain/provider-image-input.js';
import type { Deps } from '../shared/context.js';
import { createOperation, withProvider, type PushInput } from './with-provider.js';

/** Lets the accounts of the parameter `share` use the image. Returns these accounts. */
export async function shareImage(
  deps: Deps,
  { ref, input, registered }: PushInput & { registered: RegisteredImage },
): Promise<string[]> {
  const accounts = listAccounts(input.parameters);
  await withProvider(deps, input, async ({ name, provider }) => {
    if (provider.share === undefined) {
      throw new FactoryError('InvalidParameter', `provider ${name} cannot share an image with other accounts`, {
        hint: 'leave the parameter share out',
      });
    }
    await provider.share(createOperation(deps, ref.uuid), registered, accounts);
  });
  return accounts;
}
