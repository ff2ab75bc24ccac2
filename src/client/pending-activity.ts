import type { temporal } from '@temporalio/proto';
import { z } from 'zod';
import { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } from '../codec/payloads.js';
import type { Progress } from '../domain/status.js';
import { describeError, type ImageFactoryClient } from './connection.js';

type PendingActivityInfo = temporal.api.workflow.v1.IPendingActivityInfo;

/** An activity that runs, or waits for its next attempt. */
export interface PendingActivity {
  /** Name of the activity. */
  type: string;
  /** `waiting`: for a worker, or for its next attempt. */
  state: 'running' | 'waiting';
  /** Number of the attempt, from 1. */
  attempt: number;
  /** Its last report: a message, percent, the last line of the console. */
  progress?: Progress;
  /** Why the attempt before failed. */
  lastFailure?: string;
}

const PROGRESS = z.object({
  message: z.string(),
  percent: z.number().optional(),
  consoleLine: z.string().optional(),
});

/** Decodes the activities that a workflow waits for: their reports, their attempts, the failures of these. */
export async function listPendingActivities(
  client: ImageFactoryClient,
  pending: PendingActivityInfo[],
): Promise<PendingActivity[]> {
  return Promise.all(pending.map((info) => readPendingActivity(client, info)));
}

async function readPendingActivity(client: ImageFactoryClient, info: PendingActivityInfo): Promise<PendingActivity> {
  const converter = client.temporal.options.loadedDataConverter;
  const [details] = await decodeArrayFromPayloads(converter, info.heartbeatDetails?.payloads);
  const progress = PROGRESS.safeParse(details);
  const failure = await decodeOptionalFailureToOptionalError(converter, info.lastFailure);
  return {
    type: info.activityType?.name ?? '',
    // PENDING_ACTIVITY_STATE_STARTED
    state: Number(info.state) === 2 ? 'running' : 'waiting',
    attempt: info.attempt ?? 1,
    ...(progress.success ? { progress: progress.data } : {}),
    ...(failure === undefined ? {} : { lastFailure: describeError(failure) }),
  };
}
