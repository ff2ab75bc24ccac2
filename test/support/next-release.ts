import { upsertMemo, workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';

/** What the current release goes on with, whoever began it: it must be able to in every release. */
const HANDED_ON = ['createQueue'];

/**
 * Stands for another release's workflows: bundled with it, they begin with a command that today's do not have. So they
 * cannot go on with a history of today's, and theirs shows it.
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
