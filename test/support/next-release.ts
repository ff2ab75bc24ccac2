import { upsertMemo, workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';

/**
 * Types of the workflows that the current release continues, whichever release has started them. Every release must be
 * able to continue them, so this module does not change them.
 */
const HANDED_ON = ['createQueue'];

/**
 * Simulates the workflows of another release. Workflows that are bundled with this module begin with a command that
 * today's do not have. So they cannot continue a history of today's release, and their histories show the release in
 * the memo.
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
