import { FactoryError } from '../../domain/errors.js';
import { type Deps, sleep } from './context.js';

/** Maximum number of lookups of the resource. */
const MAX_LOOKUPS = 3;

/**
 * Finds the resource that a create call has made although its reply was lost. Looks several times, because a list may
 * show the resource only a little later. Returns undefined when the call created nothing, or when the cloud refused it.
 */
export async function recoverLostReply<T>(
  deps: Pick<Deps, 'pollInterval'>,
  error: unknown,
  find: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const mayHaveBeenMade = error instanceof FactoryError && error.type === 'CloudUnavailable';
  for (let looks = 0; mayHaveBeenMade && looks < MAX_LOOKUPS; looks++) {
    const made = await find().catch(() => undefined);
    if (made !== undefined) return made;
    await sleep(deps.pollInterval);
  }
  return undefined;
}
