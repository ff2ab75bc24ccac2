import { condition, defineUpdate, setHandler } from '@temporalio/workflow';
import { ANSWER_UPDATE } from '../../domain/messages.js';

/**
 * How long a workflow stays open after it has answered. Its client deletes it as soon as it has the answer. Temporal
 * deletes an open workflow at once, but an ended one only after minutes. If the client is gone, the workflow ends.
 */
const STAY_OPEN = '5 seconds';

/**
 * Gives the client of a workflow that only reads its result by the update `answer`, and stays open for a moment. See
 * docs/adr/0031-delete-the-workflows-of-reads.md.
 */
export async function answerClient<R>(read: () => Promise<R>): Promise<R> {
  const result = read();
  setHandler(defineUpdate<R>(ANSWER_UPDATE), () => result);
  const answer = await result;
  await condition(() => false, STAY_OPEN, { summary: 'end, if the client has not deleted this workflow' });
  return answer;
}
