import { setTimeout as sleep } from 'node:timers/promises';
import { STATUS_QUERY } from '../domain/messages.js';
import type { BuildStatus } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';

/** Milliseconds that the installer run may take to clean up. */
const CLEANUP_TIMEOUT = 120_000;
/** Milliseconds to wait for a worker's answer. A busy worker may answer only a later query. */
const ANSWER_TIMEOUT = 30_000;
/** Milliseconds between two reads of the run's state. */
const INTERVAL = 250;

/** The installer run that a canceled build waited for, and what the clean-up of the run did. */
export interface InstallerCleanup {
  /** Temporal's id of the run. */
  workflowId: string;
  /** Whether the run continues, because other builds need it. */
  goesOn: boolean;
  /** Descriptions of what the run removed from the cloud. */
  removed: string[];
  /** Descriptions of what the run could not remove. */
  leftovers: string[];
}

/**
 * Waits until the installer run of a canceled build has cleaned up, and returns what the run removed. Returns undefined
 * when the build did not wait for a run, when the run has completed its JEOS, or when neither Temporal nor a worker can
 * say how the run goes.
 *
 * A canceled build ends only after Temporal has accepted its signal to leave the run. So the first status that a worker
 * returns knows that signal: it says whether the run cleans up, or goes on because other builds need it.
 */
export async function findInstallerCleanup(
  client: ImageFactoryClient,
  build: BuildStatus,
): Promise<InstallerCleanup | undefined> {
  const { jeosWorkflowId: workflowId, steps } = build;
  const wasWaiting = steps.some(({ name, state }) => name === 'jeos' && state === 'failed');
  if (!wasWaiting || workflowId === undefined) return undefined;
  const handle = client.temporal.workflow.getHandle(workflowId);
  const began = Date.now();
  let answeredAt = began;
  for (; ; await sleep(INTERVAL)) {
    const execution = await client.withTimeout(() => handle.describe()).catch(() => undefined);
    // The run has made its JEOS, because other builds needed it. So it has not cleaned up.
    if (execution === undefined || execution.status.name === 'COMPLETED') return undefined;
    const status = await client.withTimeout(() => handle.query<BuildStatus>(STATUS_QUERY)).catch(() => undefined);
    if (status === undefined) {
      if (Date.now() - answeredAt > ANSWER_TIMEOUT) return undefined;
      continue;
    }
    answeredAt = Date.now();
    const isRunning = execution.status.name === 'RUNNING';
    const isEnding = status.cancelRequestedAt !== undefined;
    if (isRunning && isEnding && Date.now() - began < CLEANUP_TIMEOUT) continue;
    const { removed = [], leftovers = [] } = status;
    return { workflowId, goesOn: isRunning && !isEnding, removed, leftovers };
  }
}
