import type { ReadLogsInput, ReadLogsResult } from '../../domain/messages.js';
import { callActivity } from '../lifecycle/activity-options.js';

/** Reads logs from the worker's store, for clients that have no access to this store. */
export async function readLogs(input: ReadLogsInput): Promise<ReadLogsResult> {
  return callActivity('readLogs', input, {
    summary: 'read logs from the store',
    heartbeatTimeout: 60,
    budget: { total: 60 },
  });
}
