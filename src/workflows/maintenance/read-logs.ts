import type { ReadLogsInput, ReadLogsResult } from '../../domain/messages.js';
import { callActivity } from '../lifecycle/activity-options.js';
import { answerClient } from './answer-client.js';

/** Reads logs from the worker's store, for clients that have no access to this store. */
export async function readLogs(input: ReadLogsInput): Promise<ReadLogsResult> {
  return answerClient(() =>
    callActivity('readLogs', input, {
      summary: 'read logs from the store',
      budget: { total: 60 },
    }),
  );
}
