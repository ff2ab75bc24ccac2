import { workflowIdFor } from '../../domain/image-kinds.js';
import { formatDuration } from '../../domain/sweep.js';
import type { SweptStaging } from '../../domain/sweep-report.js';
import type { StagingObject } from '../../providers/types.js';
import { reportProgress, type Deps } from '../shared/context.js';
import { readRetention, workflowState } from '../shared/temporal-lookups.js';
import { createOperation } from './with-provider.js';

export interface SweepProviderInput {
  /** Name of a provider in the worker's configuration. */
  provider: string;
  /** Seconds that something must be old to be removed. */
  olderThan: number;
  /** Whether to report only what would be removed. */
  dryRun: boolean;
}

/**
 * Removes from a provider what pushes have left that do not run: uploads, snapshots without image. What belongs to a
 * running push stays, and so does what is young: a user may resume that push. Registered images always stay.
 */
export async function sweepProvider(deps: Deps, input: SweepProviderInput): Promise<SweptStaging[]> {
  const { provider: name, olderThan, dryRun } = input;
  return deps.providers.use({ name }, async ({ provider }) => {
    reportProgress({ message: `looking for what pushes have left at ${provider.location}` });
    const found = await provider.listStaging(createOperation(deps, name));
    const report: SweptStaging[] = [];
    for (const [uuid, objects] of groupByImage(found)) {
      const kept = await explainKept(deps, uuid, objects, olderThan);
      const why = kept ?? 'its push has ended';
      const failure = kept !== undefined || dryRun ? undefined : await remove(uuid);
      const outcome = kept !== undefined ? 'kept' : dryRun ? 'removable' : failure === undefined ? 'removed' : 'failed';
      report.push(...objects.map((object) => describe(object, outcome, failure ?? why)));
    }
    return report;

    /** Removes what the push of an image has left. Returns why that failed. */
    async function remove(uuid: string): Promise<string | undefined> {
      try {
        // The push may have been resumed, and even have ended, since the list was made.
        if (await isResumed(deps, uuid)) return 'its push was resumed meanwhile';
        await provider.removeStaging(createOperation(deps, uuid), uuid);
        return undefined;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    }
  });
}

async function isResumed(deps: Deps, uuid: string): Promise<boolean> {
  const state = await workflowState(deps, workflowIdFor('provider_image', uuid));
  return state === 'running';
}

function groupByImage(objects: readonly StagingObject[]): Map<string, StagingObject[]> {
  const groups = new Map<string, StagingObject[]>();
  for (const object of objects) groups.set(object.uuid, [...(groups.get(object.uuid) ?? []), object]);
  return groups;
}

/** Says why the objects of a push stay. Undefined when they can be removed. The youngest of them decides. */
async function explainKept(
  deps: Deps,
  uuid: string,
  objects: readonly StagingObject[],
  olderThan: number,
): Promise<string | undefined> {
  const workflowId = workflowIdFor('provider_image', uuid);
  const state = await workflowState(deps, workflowId);
  if (state === 'running') return `its push is running: ${workflowId}`;
  if (objects.some(({ createdAt }) => createdAt === undefined)) return 'the provider does not report its age';
  const youngest = Math.max(...objects.map(({ createdAt = 0 }) => createdAt));
  const age = Date.now() - youngest;
  if (age < olderThan * 1000) return `younger than ${formatDuration(olderThan)}`;
  // As in the sweep of clouds: it may belong to a push of another Temporal server.
  const isForeign = state === 'unknown' && age < (await readRetention(deps)) * 1000;
  return isForeign
    ? 'Temporal has no workflow of its push, although it is younger than Temporal’s retention'
    : undefined;
}

function describe(
  { kind, id, uuid, createdAt }: StagingObject,
  outcome: SweptStaging['outcome'],
  why: string,
): SweptStaging {
  const age = createdAt === undefined ? null : Math.max(0, Math.round((Date.now() - createdAt) / 1000));
  return { kind, id, build: uuid, age, outcome, why };
}
