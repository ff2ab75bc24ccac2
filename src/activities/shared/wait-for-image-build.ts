import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { FactoryError } from '../../domain/errors.js';
import { getTitle, workflowIdFor, type RecordedKind } from '../../domain/image-kinds.js';
import type { BuildRef } from '../../domain/names.js';
import { reportProgress, type Deps } from './context.js';
import { waitForWorkflow } from './temporal-lookups.js';

/**
 * Waits until an image is built that another image is made from. Returns also when Temporal has forgotten that build:
 * the step that makes the plan reads its record.
 *
 * @throws FactoryError Conflict when the build has ended without an image
 */
export async function waitForImageBuild(deps: Deps, ref: BuildRef, kind: RecordedKind, uuid: string): Promise<void> {
  const image = `${getTitle(kind).toLowerCase()} ${uuid}`;
  reportProgress({ message: `waiting for ${image}: imagefactory watch ${uuid} follows it` });
  try {
    await waitForWorkflow(deps, workflowIdFor(kind, uuid));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return;
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    const how = cause instanceof CancelledFailure ? 'was cancelled' : `has failed: ${cause?.message ?? error.message}`;
    throw new FactoryError('Conflict', `${image} ${how}`, {
      hint: `imagefactory resume ${uuid} continues it; then imagefactory resume ${ref.uuid} continues this image`,
    });
  }
}
