import type { Masker } from '../planning/masker.js';

/**
 * The maskers of the activities that run now in this process. The value is the number of activities with this masker.
 */
const active = new Map<Masker, number>();

/** Masks the secrets of a build in this process's log while an activity of the build runs. */
export async function whileMasked<T>(masker: Masker, work: () => Promise<T>): Promise<T> {
  active.set(masker, (active.get(masker) ?? 0) + 1);
  try {
    return await work();
  } finally {
    const left = (active.get(masker) ?? 1) - 1;
    if (left === 0) active.delete(masker);
    else active.set(masker, left);
  }
}

/** Masks the secrets of all builds whose activities run now. */
export function maskActiveSecrets(text: string): string {
  let masked = text;
  for (const masker of active.keys()) masked = masker.mask(masked);
  return masked;
}
