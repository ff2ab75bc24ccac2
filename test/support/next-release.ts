import { upsertMemo, type WorkflowInterceptors } from '@temporalio/workflow';

/**
 * Stands for another release's workflows: bundled with it, they begin with a command that today's do not have. So they
 * cannot go on with a history of today's, and theirs shows it.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    inbound: [
      {
        execute: (input, next) => {
          upsertMemo({ release: 'next' });
          return next(input);
        },
      },
    ],
  };
}
