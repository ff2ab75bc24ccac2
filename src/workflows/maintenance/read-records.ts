import type { ReadRecordsInput, ReadRecordsResult } from '../../domain/messages.js';
import { callActivity } from '../lifecycle/activity-options.js';
import { answerClient } from './answer-client.js';

/** Reads records from the worker's store, for clients that have no access to this store. */
export async function readRecords(input: ReadRecordsInput): Promise<ReadRecordsResult> {
  return answerClient(() =>
    callActivity('readRecords', input, {
      summary: 'read records from the store',
      budget: { total: 60 },
    }),
  );
}
