import { FactoryError } from '../../domain/errors.js';
import { type Deps, sleep } from './context.js';

/** How often the resource is looked for. */
const MAX_LOOKUPS = 3;

/**
 * Finds the resource that a create call has made although its reply was lost: a list may show it only a little later.
 * Undefined when the call created nothing, or was refused.
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
