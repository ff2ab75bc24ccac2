import type { BuildLog } from '../domain/build-log.js';
import { WORKFLOWS, type ReadLogsInput, type ReadLogsResult } from '../domain/messages.js';
import type { ImageFactoryClient } from './connection.js';
import { BuildNotFoundError } from './errors.js';
import { runReadWorkflow } from './run-workflow.js';

/** Seconds that a worker may take to read its store. */
const READ_TIMEOUT = 60;

/**
 * Lists the logs of a build, the oldest first: the consoles of its instances, and the output of each step in the guest.
 *
 * @throws BuildNotFoundError when the store has no such build
 * @throws NoWorkerError when no worker can read the store
 */
export async function findLogs(client: ImageFactoryClient, uuid: string): Promise<BuildLog[]> {
  const { isKnown, logs } = await readLogs(client, { uuid });
  if (!isKnown && logs.length === 0) {
    throw new BuildNotFoundError(uuid, { hint: '`imagefactory images` lists the images in the store' });
  }
  return logs;
}

/**
 * Reads a log of a build in pieces, because a payload of Temporal has a limit.
 *
 * @param log an entry of {@link findLogs}
 * @throws NoWorkerError when no worker can read the store
 */
export async function* readLog(client: ImageFactoryClient, uuid: string, log: BuildLog): AsyncGenerator<string, void> {
  for (let offset = 0; offset < log.size;) {
    const { text } = await readLogs(client, { uuid, page: { name: log.name, offset } });
    if (text === '') return;
    offset += Buffer.byteLength(text);
    yield text;
  }
}

function readLogs(client: ImageFactoryClient, input: ReadLogsInput): Promise<ReadLogsResult> {
  return runReadWorkflow<ReadLogsResult>(client, 'logs', {
    type: WORKFLOWS.readLogs,
    input,
    summary: 'read logs from the store',
    seconds: READ_TIMEOUT,
  });
}
