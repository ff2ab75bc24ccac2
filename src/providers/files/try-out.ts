import { FactoryError } from '../../domain/errors.js';
import type { Finding } from '../types.js';

/** Does something, and says whether it worked. */
export async function tryOut(what: string, work: () => Promise<unknown>): Promise<Finding> {
  try {
    await work();
    return { what, ok: true };
  } catch (error) {
    if (!(error instanceof FactoryError)) throw error;
    return { what, ok: false, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
}
