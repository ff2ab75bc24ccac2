import { listBuilds } from './builds.js';
import { listClientWorkflows, listJeosRuns, listCreateQueues, listSweeps } from './other-workflows.js';
import type { Scenario } from './scenario.js';

/** The scenarios of all workflows. Each has a recorded history, which the tests replay. */
export function listScenarios(): Scenario[] {
  return [...listBuilds(), ...listJeosRuns(), ...listCreateQueues(), ...listSweeps(), ...listClientWorkflows()];
}
