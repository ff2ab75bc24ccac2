import type { temporal } from '@temporalio/proto';
import { z } from 'zod';
import { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } from '../codec/payloads.js';
import type { Progress } from '../domain/status.js';
import { describeError, type ImageFactoryClient } from './connection.js';

type PendingActivityInfo = temporal.api.workflow.v1.IPendingActivityInfo;

/** An activity that runs, or that waits for a worker or for its next attempt. */
export interface PendingActivity {
  /** Name of the activity. */
  type: string;
  /** `waiting`: the activity waits for a worker, or for its next attempt. */
  state: 'running' | 'waiting';
  /** Number of the attempt that runs or comes next, counted from 1. */
  attempt: number;
  /** The last report of the activity: a message, a percentage, the last line of the console. Unset without a report. */
  progress?: Progress;
  /** Why the previous attempt failed. Unset when no attempt has failed. */
  lastFailure?: string;
}

const PROGRESS = z.object({
  message: z.string(),
  percent: z.number().optional(),
  consoleLine: z.string().optional(),
});

/** Decodes the activities that a workflow waits for, with the last report and the last failure of each. */
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
    // 2 is PENDING_ACTIVITY_STATE_STARTED.
    state: Number(info.state) === 2 ? 'running' : 'waiting',
    attempt: info.attempt ?? 1,
    ...(progress.success ? { progress: progress.data } : {}),
    ...(failure === undefined ? {} : { lastFailure: describeError(failure) }),
  };
}
