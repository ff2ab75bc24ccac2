import { FactoryError } from '../../domain/errors.js';
import type { BuildRef } from '../../domain/names.js';
import type { ProviderImageInput } from '../../domain/provider-image-input.js';
import type { UsedProvider } from '../../providers/providers.js';
import type { Operation } from '../../providers/types.js';
import { cancellationSignal, type Deps, reportProgress, sleep } from '../shared/context.js';
import { checkGivenProvider } from './check-given-provider.js';
import { readCredentials } from '../shared/credentials.js';

/** Input of the activities that push an image. */
export interface PushInput {
  ref: BuildRef;
  input: ProviderImageInput;
}

/** Calls `work` with the provider of a push, with the credentials that the user has given. */
export async function withProvider<R>(
  deps: Deps,
  { provider }: Pick<ProviderImageInput, 'provider'>,
  work: (used: UsedProvider) => Promise<R>,
): Promise<R> {
  const { name, definition } = provider;
  const credentials = await readCredentials(deps, provider.credentials);
  const wanted = { name, definition, credentials };
  await checkGivenProvider(deps.access, wanted);
  return deps.providers.use(wanted, work).catch(endAtQuota);
}

/**
 * Ends a push at a quota that is used up: nothing of ours gives anything back, so a user has to decide. `on_error hold`
 * and `imagefactory resume` are for that.
 */
function endAtQuota(error: unknown): never {
  if (!(error instanceof FactoryError && error.type === 'QuotaExceeded' && error.retryable)) throw error;
  const {
    message,
    status,
    requestId,
    hint = 'make room at the provider, or ask for a larger quota; then resume',
  } = error;
  throw new FactoryError('QuotaExceeded', message, { status, requestId, hint, cause: error });
}

/**
 * Makes the operation in which a provider works for this activity.
 *
 * @param uuid UUID of the provider image, under which the store keeps the notes of the provider
 */
export function createOperation(deps: Deps, uuid: string, uploadRate?: number): Operation {
  const { store, pollInterval, identity } = deps;
  return {
    signal: cancellationSignal(),
    report: reportProgress,
    sleep,
    pollInterval,
    uploadRate,
    creator: identity,
    notes: {
      read: async (name) => (await store.readDocument(uuid, toDocument(name)))?.toString('utf8'),
      write: (name, text) => store.writeDocument(uuid, toDocument(name), text),
    },
  };
}

function toDocument(name: string): string {
  return `push.${name}`;
}
