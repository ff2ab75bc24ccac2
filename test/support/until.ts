import { setTimeout as pause } from 'node:timers/promises';

/** Minutes for which a test waits for something: less than its file has, so that it is said what never came. */
export const WAIT_MINUTES = 8;
/** Milliseconds between two looks. */
const BETWEEN = 20;

type Found<T> = T | undefined | false;

/**
 * What the look answers, as soon as that is something. Only for what stays once it has come: what passes again may pass between
 * two looks.
 *
 * @throws Error that says what never came
 */
export async function until<T>(look: () => Found<T> | Promise<Found<T>>, what: string): Promise<T> {
  const end = Date.now() + WAIT_MINUTES * 60_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`never in ${WAIT_MINUTES} minutes: ${what}`);
    await pause(BETWEEN);
  }
}
