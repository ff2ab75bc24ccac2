import { setTimeout as sleep } from 'node:timers/promises';
import { STATUS_QUERY } from '../domain/messages.js';
import type { BuildStatus } from '../domain/status.js';
import type { ImageFactoryClient } from './connection.js';

/** Milliseconds that the installer's run may take to hear that nobody needs it, and to clean up. */
const HEARING = 5000;
const CLEANING = 120_000;

/** What becomes of the installer's run that a cancelled build waited for. */
export interface InstallerCleanup {
  workflowId: string;
  /** True: other builds still need it. */
  goesOn: boolean;
  removed: string[];
  leftovers: string[];
}

/**
 * What a build's cancellation meant for its installer's run, which cleans up by itself: undefined when the build did not wait
 * for one, or when it has come to its JEOS all the same. Waits until that clean-up has ended.
 */
export async function findInstallerCleanup(
  factory: ImageFactoryClient,
  build: BuildStatus,
): Promise<InstallerCleanup | undefined> {
  const { jeosWorkflowId: workflowId, steps } = build;
  const left = steps.some(({ name, state }) => name === 'jeos' && state === 'failed');
  if (!left || workflowId === undefined) return undefined;
  const handle = factory.client.workflow.getHandle(workflowId);
  for (const began = Date.now(); ; await sleep(250)) {
    const execution = await factory.call(() => handle.describe()).catch(() => undefined);
    if (execution === undefined) return undefined;
    const status = await factory.call(() => handle.query<BuildStatus>(STATUS_QUERY)).catch(() => undefined);
    // Other builds needed it, and have their JEOS now.
    if (execution.status.name === 'COMPLETED') return undefined;
    const isRunning = execution.status.name === 'RUNNING';
    const isEnding = status?.cancelRequestedAt !== undefined;
    if (isRunning && Date.now() - began < (isEnding ? CLEANING : HEARING)) continue;
    const { removed = [], leftovers = [] } = status ?? {};
    return { workflowId, goesOn: isRunning && !isEnding, removed, leftovers };
  }
}
