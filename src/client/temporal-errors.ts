import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { PayloadKeyError } from '../codec/encryption-codec.js';
import { errorReason } from './connection.js';
import { ClientError } from './errors.js';

/** Runs a call to Temporal, and turns what it throws into a sentence for people. */
export async function callTemporal<T>(run: () => Promise<T>, uuid?: string): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toClientError(error, uuid);
  }
}

/** The same for an update of a build: what the build itself refuses it says in its own words. */
export async function executeUpdate<T>(run: () => Promise<T>, uuid: string): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw toClientError(error, uuid);
    const { cause } = error;
    const [detail] = (cause instanceof ApplicationFailure ? cause.details : undefined) ?? [];
    const { hint } = (detail ?? {}) as { hint?: string };
    throw new ClientError(cause?.message ?? error.message, { ...(hint === undefined ? {} : { hint }), cause: error });
  }
}

/** What Temporal or the SDK threw, as a sentence for people. */
export function toClientError(error: unknown, uuid?: string): Error {
  if (error instanceof ClientError) return error;
  if (error instanceof PayloadKeyError) return new ClientError(error.message, { cause: error });
  if (error instanceof WorkflowNotFoundError && uuid !== undefined) {
    return new ClientError(`No image found with id: ${uuid}`, {
      hint: 'Temporal knows no such build; `imagefactory images` lists what the store has',
      cause: error,
    });
  }
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return new ClientError(`a workflow ${error.workflowId} exists already`, { cause: error });
  }
  const reason = errorReason(error);
  if (/search attribute/i.test(reason)) {
    return new ClientError(`Temporal refused: ${reason}`, {
      hint: 'register the search attributes with `imagefactory setup`',
      cause: error,
    });
  }
  return new ClientError(`Temporal refused: ${reason}`, { cause: error });
}
