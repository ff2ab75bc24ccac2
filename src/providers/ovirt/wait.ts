import { FactoryError } from '../../domain/errors.js';
import type { Operation } from '../types.js';

/**
 * Asks again and again until there is an answer. Shows what it waits for.
 *
 * @param ask returns the answer, or undefined while there is none. Throws at a state from which nothing comes any more
 */
export async function waitFor<T>(operation: Operation, message: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    operation.report({ message });
    await operation.sleep(operation.pollInterval);
  }
}

/**
 * Makes something whose reply may get lost, or that an earlier attempt has made: after a refusal, and after a lost
 * reply, it looks whether it is there.
 */
export async function createOrFind<T>(create: () => Promise<T>, find: () => Promise<T | undefined>): Promise<T> {
  try {
    return await create();
  } catch (error) {
    if (!(error instanceof FactoryError) || !['Conflict', 'CloudUnavailable'].includes(error.type)) throw error;
    const found = await find().catch(() => undefined);
    if (found === undefined) throw error;
    return found;
  }
}
