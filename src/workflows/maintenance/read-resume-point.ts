import type { ReadResumePointInput, ResumePointReport } from '../../domain/messages.js';
import { callActivity } from '../lifecycle/activity-options.js';
import { answerClient } from './answer-client.js';

/** Finds the point from which an ended build can be resumed, for clients that have no access to its cloud. */
export async function readResumePoint(input: ReadResumePointInput): Promise<ResumePointReport> {
  return answerClient(() =>
    callActivity('readResumePoint', input, {
      summary: 'find what the build left to resume from',
      budget: { total: 30 },
    }),
  );
}
