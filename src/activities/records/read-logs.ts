import { LOG_PAGE } from '../../domain/build-log.js';
import type { ReadLogsInput, ReadLogsResult } from '../../domain/messages.js';
import type { Deps } from '../shared/context.js';
import { listLogs, readLogText } from '../shared/logs.js';

/** Lists the logs of a build, or reads a page of one log. */
export async function readLogs({ store }: Deps, { uuid, page }: ReadLogsInput): Promise<ReadLogsResult> {
  const isKnown = (await store.readRecord(uuid)) !== undefined;
  if (page === undefined) return { isKnown, logs: await listLogs(store, uuid), text: '' };
  const text = await readLogText(store, uuid, page.name);
  return { isKnown, logs: [], text: text?.slice(page.offset, page.offset + LOG_PAGE) ?? '' };
}
