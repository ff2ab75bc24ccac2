import type { Deps } from '../shared/context.js';
import { workflowState } from '../shared/temporal-lookups.js';

/** Those of the workflows that do not live, and when that was seen: milliseconds since the epoch. */
export async function findEndedWorkflows(
  deps: Deps,
  { ids }: { ids: string[] },
): Promise<{ ended: string[]; at: number }> {
  const ended: string[] = [];
  for (const id of ids) {
    if ((await workflowState(deps, id)) !== 'living') ended.push(id);
  }
  return { ended, at: Date.now() };
}
