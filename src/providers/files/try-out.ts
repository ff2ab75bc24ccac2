import { FactoryError } from '../../domain/errors.js';
import type { Finding } from '../types.js';

/** Does something, and says whether it worked. Throws what may pass: it says nothing about permissions. */
export async function tryOut(what: string, work: () => Promise<unknown>): Promise<Finding> {
  try {
    await work();
    return { what, ok: true };
  } catch (error) {
    if (!(error instanceof FactoryError) || error.retryable) throw error;
    return { what, ok: false, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
}
