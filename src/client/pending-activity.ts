import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { temporal } from '@temporalio/proto';
import { z } from 'zod';
import type { Progress } from '../domain/status.js';
import { reasonOf, type Factory } from './connection.js';

type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;

/** An activity that is running, or waits for its next attempt. */
export interface LiveActivity {
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
export async function liveActivities(factory: Factory, pending: PendingActivity[]): Promise<LiveActivity[]> {
  return Promise.all(pending.map((info) => liveActivity(factory, info)));
}

async function liveActivity(factory: Factory, info: PendingActivity): Promise<LiveActivity> {
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
    ...(failure === undefined ? {} : { lastFailure: reasonOf(failure) }),
  };
}
