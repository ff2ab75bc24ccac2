import { FactoryError } from '../../domain/errors.js';
import type { Operation } from '../types.js';
import type { ChangeText, Place } from './place.js';

/** Changes of others that we let pass before we give up. The step then tries again later. */
const TRIES = 20;
/** Milliseconds of the longest pause between two tries. It is random, so that two pushes do not meet again. */
const LONGEST_PAUSE = 1000;

/**
 * Changes a document that others change too: writes what `change` makes of it only if nobody has written it since we
 * read it. When the reply to a write was lost, the next try reads what it has written.
 */
export async function changeDocument(
  place: Pick<Place, 'read' | 'write' | 'url'>,
  operation: Operation,
  name: string,
  change: ChangeText,
  marks: Readonly<Record<string, string>>,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const present = await place.read(operation, name);
    const changed = change(present?.text);
    if (changed === undefined || changed === present?.text) return;
    const { version } = present ?? {};
    const isWritable = present === undefined || version !== undefined;
    const condition = version === undefined ? 'absent' : { version };
    if (isWritable && (await place.write(operation, name, changed, condition, marks))) return;
    await operation.sleep(Math.random() * LONGEST_PAUSE);
  }
  throw new FactoryError('Conflict', `others changed ${place.url}/${name} again and again`, { retryable: true });
}
