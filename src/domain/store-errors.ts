import { FactoryError } from './errors.js';

/**
 * Error codes for which a retry can succeed, such as those of a full disk or a failing device. The codes of wrong
 * permissions or paths are not included.
 */
const TRANSIENT_CODES = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EBUSY',
  'EMFILE',
  'ENFILE',
  'ESTALE',
  'ETIMEDOUT',
  'EAGAIN',
]);

/** Runs the work, and converts system errors into FactoryError StoreFailed: "cannot <what> <path>: <reason>". */
export async function withStoreErrors<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { syscall, code, message } = error as Error & { syscall?: string; code?: string };
    if (code === undefined || syscall === undefined) throw error;
    throw new FactoryError('StoreFailed', `cannot ${what} ${path}: ${message}`, {
      retryable: TRANSIENT_CODES.has(code),
      cause: error,
      hint: TRANSIENT_CODES.has(code)
        ? 'check whether the disk of the storage directory is full or failing'
        : 'check the owner and the permissions of the storage directory',
    });
  }
}
