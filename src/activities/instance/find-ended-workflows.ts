import type { Deps } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';

/** Finds the workflows that have ended. `at` is the time of the check in milliseconds since the epoch. */
export async function findEndedWorkflows(
  deps: Deps,
  { ids }: { ids: string[] },
): Promise<{ ended: string[]; at: number }> {
  const ended: string[] = [];
  for (const id of ids) {
    if ((await workflowState(deps, id)) !== 'running') ended.push(id);
  }
  return { ended, at: Date.now() };
}
