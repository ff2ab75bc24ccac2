import type { temporal } from '@temporalio/proto';
import { z } from 'zod';
import { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } from '../codec/payloads.js';
import type { Progress } from '../domain/status.js';
import { errorReason, type ImageFactoryClient } from './connection.js';

type PendingActivityInfo = temporal.api.workflow.v1.IPendingActivityInfo;

/** An activity that is running, or waits for its next attempt. */
export interface PendingActivity {
  type: string;
  /** `waiting` for a worker or for its next attempt. */
  state: 'running' | 'waiting';
  /** Counts from 1. */
  attempt: number;
  progress?: Progress;
  /** Why the attempt before failed. */
  lastFailure?: string;
}

const PROGRESS = z.object({
  message: z.string(),
  percent: z.number().optional(),
  consoleLine: z.string().optional(),
});

/** What Temporal knows of the activities that a workflow waits for: what they report, how often they were tried, and why. */
export async function listPendingActivities(
  factory: ImageFactoryClient,
  pending: PendingActivityInfo[],
): Promise<PendingActivity[]> {
  return Promise.all(pending.map((info) => readPendingActivity(factory, info)));
}

async function readPendingActivity(factory: ImageFactoryClient, info: PendingActivityInfo): Promise<PendingActivity> {
  const converter = factory.client.options.loadedDataConverter;
  const [details] = await decodeArrayFromPayloads(converter, info.heartbeatDetails?.payloads);
  const progress = PROGRESS.safeParse(details);
  const failure = await decodeOptionalFailureToOptionalError(converter, info.lastFailure);
  return {
    type: info.activityType?.name ?? '',
    // PENDING_ACTIVITY_STATE_STARTED
    state: Number(info.state) === 2 ? 'running' : 'waiting',
    attempt: info.attempt ?? 1,
    ...(progress.success ? { progress: progress.data } : {}),
    ...(failure === undefined ? {} : { lastFailure: errorReason(failure) }),
  };
}
