import { listBuilds } from './builds.js';
import { listClientWorkflows, listJeosRuns, listCreateQueues, listSweeps } from './other-workflows.js';
import { listPreparedImages } from './prepared-images.js';
import { listProviderImages } from './provider-images.js';
import { listTargetImages } from './target-images.js';
import type { Scenario } from './scenario.js';

/** Lists the scenarios of all workflows. Each scenario has a recorded history, which the tests replay. */
export function listScenarios(): Scenario[] {
  return [
    ...listBuilds(),
    ...listTargetImages(),
    ...listPreparedImages(),
    ...listProviderImages(),
    ...listJeosRuns(),
    ...listCreateQueues(),
    ...listSweeps(),
    ...listClientWorkflows(),
  ];
}
