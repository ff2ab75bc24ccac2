import { ApplicationFailure } from '@temporalio/common';
import type { Masker } from '../planning/masker.js';
import { maskAllTexts } from '../planning/mask-texts.js';

/** How many causes of an error we mask. Deeper causes are removed. */
const DEEPEST = 10;

/** Masks the secrets in an error that leaves the worker: its message, its stack, its details and its causes. */
export function maskFailure(error: unknown, masker: Masker, depth = 0): unknown {
  if (depth > DEEPEST) return undefined;
  if (!(error instanceof Error)) return maskAllTexts(error, masker);
  // We change the error in place, so that it keeps its class. In some classes `message` cannot be assigned, so we
  // define the property anew.
  const change = (name: 'message' | 'stack' | 'cause' | 'details', value: unknown): void => {
    Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: name === 'details' });
  };
  const { message, stack, cause } = error;
  change('message', masker.mask(message));
  if (stack !== undefined) change('stack', masker.mask(stack));
  if (cause !== undefined) change('cause', maskFailure(cause, masker, depth + 1));
  if (error instanceof ApplicationFailure) change('details', maskAllTexts(error.details, masker));
  return error;
}
