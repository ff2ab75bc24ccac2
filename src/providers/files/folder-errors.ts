import { FactoryError, type FactoryErrorOptions, type ErrorType } from '../../domain/errors.js';

/** Error codes of a device that may answer again. */
const PASSING = new Set(['EIO', 'EBUSY', 'EMFILE', 'ENFILE', 'ESTALE', 'ETIMEDOUT', 'EAGAIN', 'EHOSTDOWN']);

/** Runs the work, and says of every error of the system what failed, and what the user can do. */
export async function withFolderErrors<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { syscall, code, message } = error as Error & { syscall?: string; code?: string };
    if (code === undefined || syscall === undefined) throw error;
    const { type, ...options } = classify(code);
    throw new FactoryError(type, `cannot ${what} ${path}: ${message}`, { ...options, cause: error });
  }
}

function classify(code: string): FactoryErrorOptions & { type: ErrorType } {
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return { type: 'QuotaExceeded', retryable: true, hint: 'free space on the disk of the folder, or raise the quota' };
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return { type: 'Forbidden', hint: 'let the user of the worker write to the folder' };
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return { type: 'NotFound', hint: 'make the folder, or mount its file system, on the machine of the worker' };
  if (code === 'ELOOP')
    return { type: 'Conflict', hint: 'a symbolic link stands there: it is not followed; move it away' };
  return { type: 'StoreFailed', retryable: PASSING.has(code), hint: 'check the disk of the folder' };
}

/** Returns the code of an error of the system. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Returns a function that handles the error of an absent file by `undefined`, and throws every other error again. */
export function ifMissing(error: unknown): undefined {
  const code = errorCode(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  return undefined;
}
