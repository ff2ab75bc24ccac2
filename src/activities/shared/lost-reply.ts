import { FactoryError } from '../../domain/errors.js';
import { type Deps, sleep } from './context.js';

/** How often it is looked for. */
const MAX_LOOKUPS = 3;

/**
 * What a create call has made after all whose reply was lost: a list may have it only a moment later. Undefined where nothing has come of
 * it, or the call was refused.
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
