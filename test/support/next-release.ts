import { upsertMemo, workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';

/**
 * Types of the workflows that every release must be able to continue, whichever release has started them. So this
 * module does not change these workflows.
 */
const HANDED_ON = ['createQueue'];

/**
 * Simulates the workflows of another release. A workflow that is bundled with this module first sets a memo, which
 * today's workflows do not do. So it cannot continue a history of today's release, and the memo in its history shows
 * the release.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    inbound: [
      {
        execute: (input, next) => {
          if (!HANDED_ON.includes(workflowInfo().workflowType)) upsertMemo({ release: 'next' });
          return next(input);
        },
      },
    ],
  };
}
