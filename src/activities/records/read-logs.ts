import type { ReadLogsInput, ReadLogsResult } from '../../domain/messages.js';
import type { Deps } from '../shared/context.js';
import { listLogs, readLogPage } from '../shared/logs.js';

/** Lists the logs of a build, or reads a page of one log. */
export async function readLogs({ store }: Deps, { uuid, page }: ReadLogsInput): Promise<ReadLogsResult> {
  if (page !== undefined) return { isKnown: false, logs: [], text: await readLogPage(store, uuid, page) };
  const isKnown = (await store.readRecord(uuid)) !== undefined;
  return { isKnown, logs: await listLogs(store, uuid), text: '' };
}
