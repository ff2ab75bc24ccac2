import { randomUUID } from 'node:crypto';
import { WORKFLOWS, type ReadRemainsInput, type RemainsReport } from '../domain/messages.js';
import type { BuildFailure } from '../domain/status.js';
import type { Factory } from './connection.js';
import { execute } from './images.js';
import type { Observation } from './watch.js';
import { buildOutcome } from './outcome.js';

/** Temporal's words for runs that can be resumed. */
const WITHOUT_IMAGE = ['FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT'];
/** Seconds that a worker may take to look at the cloud. */
const LOOK_TIMEOUT = 30;

/** A build that has ended without an image, and what it can be resumed from. */
export interface EndedBuild {
  /** Temporal's word for how it ended. */
  execution: string;
  failure: BuildFailure;
  /** What there is of it; in words why nobody knows, where no worker could look. */
  remains: RemainsReport | string;
}

/** How a build ended without an image; undefined when it runs, or has one. */
export async function endedBuild(factory: Factory, seen: Observation): Promise<EndedBuild | undefined> {
  const { execution } = seen;
  if (!WITHOUT_IMAGE.includes(execution)) return undefined;
  const [failure, remains] = await Promise.all([failureOf(factory, seen), remainsOf(factory, seen)]);
  return { execution, failure, remains };
}

/** A build that Temporal ended has said nothing about it. */
async function failureOf(factory: Factory, { uuid, status }: Observation): Promise<BuildFailure> {
  if (status?.failure !== undefined) return status.failure;
  const outcome = await factory.call(() => buildOutcome(factory, uuid));
  const step = status?.steps.filter(({ state }) => state === 'running').at(-1)?.name ?? '';
  if (outcome.status === 'COMPLETE') return { type: 'Internal', step, message: 'it has completed meanwhile' };
  return outcome.failure.step === '' ? { ...outcome.failure, step } : outcome.failure;
}

async function remainsOf(factory: Factory, { uuid, status, workflowId }: Observation): Promise<RemainsReport | string> {
  if (status === undefined) return 'no worker is there to look at the cloud';
  const { cloud, jeosWorkflowId, resources } = status;
  const jeosImage = resources['jeos_image'];
  const input: ReadRemainsInput = {
    ref: { uuid, cloud, workflowId },
    ...(jeosWorkflowId === undefined ? {} : { jeosWorkflowId }),
    ...(jeosImage === undefined ? {} : { jeosImage }),
  };
  try {
    return await execute<RemainsReport>(factory, WORKFLOWS.readRemains, input, `remains-${randomUUID()}`, LOOK_TIMEOUT);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
