import { z } from 'zod';
import { FactoryError } from '../../domain/errors.js';
import { isMarkedAs } from '../../domain/provider-marks.js';
import { retryPart } from '../transfer/retry-part.js';
import type { Operation, PushedImage } from '../types.js';
import type { Resource, ResourceManager } from './resource-manager.js';

/** A resource that a push makes: an image version or a managed image. */
export interface MadeResource {
  id: string;
  apiVersion: string;
  /** What it is, for people: "image version 2026.1130.1 of debian-12". */
  title: string;
  /** Whether another number can be taken when somebody else has this one. */
  isNumbered: boolean;
  /** What `$expand` asks for. */
  expand?: string;
}

/** The states in which Azure does nothing more to a resource. No state: the resource is ready. */
const ENDED = ['Succeeded', 'Failed', 'Canceled'];
/** Codes of failures that the next try may not have. */
const TRANSIENT = /Internal|Timeout|Unavailable|TooManyRequests|Preempted/i;
/** The name of the note with the address of the operation that makes the image. It may be lost. */
const STATUS_NOTE = 'azure-operation';

/** How far the copies of an image version in the regions are. */
const replicationSchema = z.looseObject({
  replicationStatus: z
    .looseObject({
      aggregatedState: z.string().optional(),
      summary: z
        .array(
          z.looseObject({
            region: z.string().default('a region'),
            state: z.string().optional(),
            details: z.string().optional(),
            progress: z.number().optional(),
          }),
        )
        .default([]),
    })
    .optional(),
});

function readReplication(resource: Resource) {
  return replicationSchema.safeParse(resource.properties).data?.replicationStatus;
}

/**
 * Returns the state of a resource. A version that is there in its own region only is not finished, and one that Azure
 * could not copy to a region has failed.
 */
export function stateOf(resource: Resource): string {
  const state = resource.properties.provisioningState ?? 'Succeeded';
  const copies = readReplication(resource)?.aggregatedState;
  if (state !== 'Succeeded') return state;
  return copies === 'Failed' ? 'Failed' : copies === 'InProgress' ? 'Replicating' : state;
}

/**
 * Whether Azure has never finished the resource. Somebody may change a finished version, for example add a region: then
 * its copies, and even the resource itself, may be unfinished or fail, while instances start from it elsewhere. So only
 * the resource's own state counts, and a version that has failed but is complete in a region is taken for finished.
 */
export function isUnfinished(resource: Resource): boolean {
  const state = resource.properties.provisioningState ?? 'Succeeded';
  // Deleting: an earlier attempt has asked for it.
  if (state === 'Creating' || state === 'Deleting') return true;
  if (state !== 'Failed' && state !== 'Canceled') return false;
  const copies = readReplication(resource);
  return copies?.aggregatedState !== 'Completed' && !copies?.summary.some((copy) => copy.state === 'Completed');
}

function hasFailed(resource: Resource): boolean {
  return ['Failed', 'Canceled'].includes(stateOf(resource));
}

/**
 * Makes the resource if it is not there, and waits until it is ready. What an earlier attempt has made is waited for.
 * What an earlier attempt has made and what has failed is deleted first, because Azure does not make it anew.
 *
 * @param choose returns the resource to make; called again when somebody else was faster
 * @throws FactoryError Conflict when the resource is of somebody else
 */
export async function makeResource(
  operation: Operation,
  manager: ResourceManager,
  image: PushedImage,
  choose: () => Promise<MadeResource>,
  body: unknown,
): Promise<MadeResource> {
  const made = await retryPart(operation, async () => {
    const chosen = await choose();
    await startResource(operation, manager, image, chosen, body);
    return chosen;
  });
  await waitUntilReady(operation, manager, image, made);
  return made;
}

async function startResource(
  operation: Operation,
  manager: ResourceManager,
  image: PushedImage,
  made: MadeResource,
  body: unknown,
): Promise<void> {
  const { id, apiVersion, expand } = made;
  const existing = await manager.get(id, apiVersion, operation.signal, expand);
  if (existing !== undefined) {
    requireOurs(existing, image, made);
    if (!hasFailed(existing)) return;
    await deleteResource(operation, manager, made);
  }
  try {
    const { statusUrl } = await manager.put(id, apiVersion, body, operation.signal);
    if (statusUrl !== undefined) await operation.notes.write(STATUS_NOTE, JSON.stringify({ id, statusUrl }));
  } catch (error) {
    // Azure refuses to change what somebody else has made since we looked: say that, and not which property it was.
    const now = isConflict(error) ? await manager.get(id, apiVersion, operation.signal) : undefined;
    if (now !== undefined) requireOurs(now, image, made);
    throw error;
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof FactoryError && error.type === 'Conflict';
}

function requireOurs({ tags }: Resource, image: PushedImage, { title, id, isNumbered }: MadeResource): void {
  if (isMarkedAs(tags, image)) return;
  throw new FactoryError('Conflict', `${title} is there already, and was not made from this image: ${id}`, {
    retryable: isNumbered,
    hint: 'push again for another name, or remove what is there if nobody needs it',
  });
}

async function waitUntilReady(
  operation: Operation,
  manager: ResourceManager,
  image: PushedImage,
  made: MadeResource,
): Promise<void> {
  for (;;) {
    const resource = await manager.get(made.id, made.apiVersion, operation.signal, made.expand);
    if (resource === undefined) {
      throw new FactoryError('ImageFailed', `${made.title} was deleted while Azure was making it`, { retryable: true });
    }
    requireOurs(resource, image, made);
    const state = stateOf(resource);
    if (state === 'Succeeded') return;
    if (ENDED.includes(state)) throw await describeFailure(operation, manager, made, resource);
    operation.report({ message: `Azure makes ${made.title}: ${describeProgress(resource, state)}` });
    await operation.sleep(operation.pollInterval);
  }
}

function describeProgress(resource: Resource, state: string): string {
  const regions = (readReplication(resource)?.summary ?? [])
    .filter(({ progress }) => progress !== undefined)
    .map(({ region, progress }) => `${region} ${progress}%`);
  return regions.length === 0 ? state : `${state} (${regions.join(', ')})`;
}

/** Azure tells the reason in the operation, not in the resource. */
async function describeFailure(
  operation: Operation,
  manager: ResourceManager,
  made: MadeResource,
  resource: Resource,
): Promise<FactoryError> {
  const { code = '', message = '' } = (await readOperationError(operation, manager, made)) ?? {};
  const copies = (readReplication(resource)?.summary ?? [])
    .filter(({ state }) => state === 'Failed')
    .map(({ region, details }) => `${region}: ${details ?? 'no reason'}`);
  const reasons = [...(message === '' ? [] : [`${code}: ${message}`]), ...copies];
  const reason = reasons.length === 0 ? 'Azure has not kept the reason' : reasons.join('; ');
  return new FactoryError('ImageFailed', `${made.title} ended as ${stateOf(resource)}: ${reason}`, {
    retryable: TRANSIENT.test(code),
    hint: 'resume the push when the cause is removed: what has failed is deleted and made again',
  });
}

const noteSchema = z.object({ id: z.string(), statusUrl: z.string() });

async function readOperationError(operation: Operation, manager: ResourceManager, made: MadeResource) {
  try {
    const note = noteSchema.parse(JSON.parse((await operation.notes.read(STATUS_NOTE)) ?? ''));
    if (note.id !== made.id) return undefined;
    return (await manager.readStatus(note.statusUrl, operation.signal))?.error;
  } catch {
    operation.signal.throwIfAborted();
    return undefined;
  }
}

/**
 * Deletes a resource, and waits until it is gone. The caller has checked that it is ours.
 *
 * @param mayDelete asked again after Azure has refused, because the resource may be another by then. Default: always
 * @returns whether something was deleted
 */
export async function deleteResource(
  operation: Operation,
  manager: ResourceManager,
  made: MadeResource,
  mayDelete: (resource: Resource) => boolean = () => true,
): Promise<boolean> {
  let wasThere = false;
  let statusUrl: string | undefined;
  for (let isAsked = false; ;) {
    if (!isAsked) {
      const accepted = await retryPart(operation, () => askToDelete(operation, manager, made, mayDelete));
      if (accepted === 'spared') return false;
      if (accepted === undefined) return wasThere;
      wasThere = true;
      isAsked = accepted !== 'busy';
      statusUrl = accepted === 'busy' ? undefined : accepted.statusUrl;
    }
    const resource = await manager.get(made.id, made.apiVersion, operation.signal);
    if (resource === undefined) return true;
    const ended = statusUrl === undefined ? undefined : await manager.readStatus(statusUrl, operation.signal);
    if (ended !== undefined && ['Failed', 'Canceled'].includes(ended.status)) {
      const reason = ended.error?.message ?? 'no reason';
      throw new FactoryError('Conflict', `Azure did not delete ${made.title} (${ended.status}): ${reason}`, {
        retryable: true,
      });
    }
    operation.report({ message: `Azure deletes ${made.title}` });
    await operation.sleep(operation.pollInterval);
  }
}

/** Azure may refuse to delete what it is still making: then we ask again later. */
async function askToDelete(
  operation: Operation,
  manager: ResourceManager,
  made: MadeResource,
  mayDelete: (resource: Resource) => boolean,
) {
  const before = await manager.get(made.id, made.apiVersion, operation.signal, made.expand);
  if (before !== undefined && !mayDelete(before)) return 'spared' as const;
  try {
    return await manager.delete(made.id, made.apiVersion, operation.signal);
  } catch (error) {
    if (!isConflict(error)) throw error;
    const resource = await manager.get(made.id, made.apiVersion, operation.signal, made.expand);
    if (resource !== undefined && !mayDelete(resource)) return 'spared' as const;
    if (resource !== undefined && !ENDED.includes(stateOf(resource))) return 'busy' as const;
    // It has ended since: if Azure refuses again, there is another reason.
    return manager.delete(made.id, made.apiVersion, operation.signal);
  }
}
