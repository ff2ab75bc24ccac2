import type { BuildRef } from '../domain/names.js';
import { ACTIVITY_DECLARATIONS } from './declarations.js';
import { FUNCTIONS, type Activities, type ActivityName } from './functions.js';
import { rejectIfCompleted } from './shared/completed-build.js';
import type { Deps } from './shared/context.js';
import { asLostByReset } from './shared/reset-detection.js';

export type { Activities } from './functions.js';

type ActivityFunction = (deps: Deps, input: { ref: BuildRef }) => Promise<unknown>;

/**
 * Wraps an activity so that it is rejected when its build has already completed. When the build was reset and a
 * resource is gone, the wrapper turns the error into LostByReset.
 */
function withCompletionGuard(deps: Deps, run: ActivityFunction): (input: { ref: BuildRef }) => Promise<unknown> {
  return async (input) => {
    await rejectIfCompleted(deps, input.ref);
    try {
      return await run(deps, input);
    } catch (error) {
      throw await asLostByReset(deps, error);
    }
  };
}

/** Creates the activities of one worker. */
export function createActivities(deps: Deps): Activities {
  const bound = Object.entries(FUNCTIONS).map(([name, activity]) => {
    const run = activity as ActivityFunction;
    const { guarded } = ACTIVITY_DECLARATIONS[name as ActivityName];
    return [name, guarded ? withCompletionGuard(deps, run) : (input: { ref: BuildRef }) => run(deps, input)];
  });
  return Object.fromEntries(bound) as Activities;
}
