import { setTimeout as sleep } from 'node:timers/promises';
import { STATUS_QUERY } from '../domain/messages.js';
import type { BuildStatus } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';

/** Milliseconds that the installer run may take to learn that no build needs it. */
const NOTICE_TIMEOUT = 5000;
/** Milliseconds that the installer run may take to clean up. */
const CLEANUP_TIMEOUT = 120_000;
/** Milliseconds between two reads. */
const INTERVAL = 250;

/** What became of the installer run that a canceled build waited for. */
export interface InstallerCleanup {
  /** Temporal's id of the run. */
  workflowId: string;
  /** True: the run goes on, because other builds need it. */
  goesOn: boolean;
  /** What it removed from the cloud, in words. */
  removed: string[];
  /** What it could not remove, in words. */
  leftovers: string[];
}

/**
 * Waits until the installer run of a canceled build has cleaned up after itself, and returns what it removed. Undefined
 * when the build did not wait for a run, or when the run has made its JEOS all the same.
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
    // Other builds needed it, and have their JEOS now.
    if (execution.status.name === 'COMPLETED') return undefined;
    const isRunning = execution.status.name === 'RUNNING';
    const isEnding = status?.cancelRequestedAt !== undefined;
    if (isRunning && Date.now() - began < (isEnding ? CLEANUP_TIMEOUT : NOTICE_TIMEOUT)) continue;
    const { removed = [], leftovers = [] } = status ?? {};
    return { workflowId, goesOn: isRunning && !isEnding, removed, leftovers };
  }
}
