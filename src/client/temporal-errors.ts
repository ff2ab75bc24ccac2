import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { PayloadKeyError } from '../codec/encryption-codec.js';
import { describeError } from './connection.js';
import { BuildNotFoundError, BuildStateError, ClientError, TemporalUnavailableError } from './errors.js';
import { getGrpcCode } from './grpc-code.js';

/** Runs a call to Temporal, and throws its errors as {@link ClientError}s. */
export async function callTemporal<T>(run: () => Promise<T>, uuid?: string): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toClientError(error, uuid);
  }
}

/** Runs an update of a build. A refusal by the build becomes a {@link BuildStateError} with the build's own message. */
export async function executeUpdate<T>(run: () => Promise<T>, uuid: string): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw toClientError(error, uuid);
    const { cause } = error;
    const [detail] = (cause instanceof ApplicationFailure ? cause.details : undefined) ?? [];
    const { hint } = (detail ?? {}) as { hint?: string };
    throw new BuildStateError(uuid, cause?.message ?? error.message, { hint, cause: error });
  }
}

/** Converts an error of Temporal or its SDK. `uuid`: the build that the request concerns, if any. */
export function toClientError(error: unknown, uuid?: string): Error {
  if (error instanceof ClientError) return error;
  if (error instanceof PayloadKeyError) {
    return new ClientError('InvalidConfiguration', error.message, { cause: error });
  }
  if (error instanceof WorkflowNotFoundError && uuid !== undefined) {
    // Temporal also answers "not found" for a workflow that it has, when this workflow has ended and takes no more
    // updates.
    if (/already completed/.test(error.message)) {
      return new BuildStateError(uuid, `build ${uuid} has ended`, {
        hint: `imagefactory status ${uuid} shows how`,
        cause: error,
      });
    }
    return new BuildNotFoundError(uuid, { cause: error });
  }
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return new ClientError('TemporalRefused', `a workflow with the id ${error.workflowId} exists already`, {
      cause: error,
    });
  }
  const reason = describeError(error);
  const code = getGrpcCode(error);
  // 4 is DEADLINE_EXCEEDED, 14 is UNAVAILABLE: the connection is lost.
  if (code === 4 || code === 14) {
    return new TemporalUnavailableError(`Temporal does not answer: ${reason}`, {
      hint: 'a running build continues as soon as Temporal is available again',
      cause: error,
    });
  }
  if (/search attribute/i.test(reason)) {
    return new ClientError('TemporalRefused', `Temporal refused: ${reason}`, {
      hint: 'register the search attributes with `imagefactory setup`',
      cause: error,
    });
  }
  return new ClientError('TemporalRefused', `Temporal refused: ${reason}`, { cause: error });
}
