import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Makes a payload of a failure's message and stack, so that the codec encrypts them as well. This is for the workflows'
 * bundle; `failure-converter-required.cts` is the same for the worker, which loads it with `require`.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
