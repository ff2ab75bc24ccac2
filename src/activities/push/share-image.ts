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
  await withProvider(deps, input, async ({ provider }) => {
    // The plan has refused the parameter where a provider has no such thing.
    await provider.share?.(createOperation(deps, ref.uuid), registered, accounts);
  });
  return accounts;
}
