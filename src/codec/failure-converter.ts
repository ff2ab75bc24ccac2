import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Puts the message and the stack of a failure into a payload, so that the codec encrypts them as well. This file is for
 * the workflow bundle. `failure-converter-required.cts` does the same for the worker, which loads it with `require`.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
