import { setTimeout as sleep } from 'node:timers/promises';
import { STATUS_QUERY } from '../domain/messages.js';
import type { BuildStatus } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';

/**
 * Milliseconds to wait until the run begins its clean-up. If it has not begun then, we assume that other builds still
 * need the run.
 */
const NOTICE_TIMEOUT = 5000;
/** Milliseconds that the installer run may take to clean up. */
const CLEANUP_TIMEOUT = 120_000;
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
 * when the build did not wait for a run, when the run has completed its JEOS, or when Temporal does not return the run.
 */
export async function findInstallerCleanup(
  client: ImageFactoryClient,
  build: BuildStatus,
): Promise<InstallerCleanup | undefined> {
  const { jeosWorkflowId: workflowId, steps } = build;
  const wasWaiting = steps.some(({ name, state }) => name === 'jeos' && state === 'failed');
  if (!wasWaiting || workflowId === undefined) return undefined;
  const handle = client.temporal.workflow.getHandle(workflowId);
  for (const began = Date.now(); ; await sleep(INTERVAL)) {
    const execution = await client.withTimeout(() => handle.describe()).catch(() => undefined);
    if (execution === undefined) return undefined;
    const status = await client.withTimeout(() => handle.query<BuildStatus>(STATUS_QUERY)).catch(() => undefined);
    // The run has made its JEOS, because other builds needed it. So it has not cleaned up.
    if (execution.status.name === 'COMPLETED') return undefined;
    const isRunning = execution.status.name === 'RUNNING';
    const isEnding = status?.cancelRequestedAt !== undefined;
    if (isRunning && Date.now() - began < (isEnding ? CLEANUP_TIMEOUT : NOTICE_TIMEOUT)) continue;
    const { removed = [], leftovers = [] } = status ?? {};
    return { workflowId, goesOn: isRunning && !isEnding, removed, leftovers };
  }
}
