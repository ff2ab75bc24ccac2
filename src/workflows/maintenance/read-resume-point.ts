import type { ReadResumePointInput, ResumePointReport } from '../../domain/messages.js';
import { call } from '../lifecycle/activity-options.js';

/** Looks what a build that has ended could be resumed from, for clients that have no access to its cloud. */
export async function readResumePoint(input: ReadResumePointInput): Promise<ResumePointReport> {
  return call('readResumePoint', [input], {
    summary: 'see what the build has left',
    heartbeatTimeout: 60,
    budget: { total: 30 },
  });
}
