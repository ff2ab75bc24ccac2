import { builds } from './builds.js';
import { errands, jeosRuns, lines, sweeps } from './other-workflows.js';
import type { Scenario } from './scenario.js';

/** Every way that every lifecycle can go: each has a recorded history, which is replayed in the tests. */
export function scenarios(): Scenario[] {
  return [...builds(), ...jeosRuns(), ...lines(), ...sweeps(), ...errands()];
}
