import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { FactoryError } from '../../domain/errors.js';
import { workflowIdFor } from '../../domain/image-kinds.js';
import type { BuildRef } from '../../domain/names.js';
import type { TargetImageInput } from '../../domain/target-image-input.js';
import { buildInitialRecord } from '../records/initial-record.js';
import { describeOptions } from '../records/inputs.js';
import { reportProgress, type Deps } from '../shared/context.js';
import { waitForWorkflow } from '../shared/temporal-lookups.js';

export interface WaitForBaseImageInput {
  ref: BuildRef;
  input: TargetImageInput;
}

/**
 * Waits until the base image of a target image is built. Before that, writes a first record, so that lists of images
 * have the target image while it waits, and nobody deletes its base image.
 *
 * @throws FactoryError Conflict when the build of the base image has ended without an image
 */
export async function waitForBaseImage(deps: Deps, { ref, input }: WaitForBaseImageInput): Promise<void> {
  const { baseImage, target, parameters } = input;
  await deps.store.writeRecord(
    await buildInitialRecord(deps, ref, {
      type: 'TargetImage',
      template: '',
      name: '',
      parameters: { ...parameters },
      target,
      base_image_id: baseImage,
      parent: { id: baseImage, digest: null },
      inputs: [describeOptions(parameters)],
    }),
  );
  reportProgress({ message: `waiting for base image ${baseImage}: imagefactory watch ${baseImage} follows it` });
  try {
    await waitForWorkflow(deps, workflowIdFor('base_image', baseImage));
  } catch (error) {
    // Temporal has forgotten the build. The step that makes the plan reads its record.
    if (error instanceof WorkflowNotFoundError) return;
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    const how = cause instanceof CancelledFailure ? 'was cancelled' : `has failed: ${cause?.message ?? error.message}`;
    throw new FactoryError('Conflict', `base image ${baseImage} ${how}`, {
      hint: `imagefactory resume ${baseImage} continues the base image; then imagefactory resume ${ref.uuid} continues this image`,
    });
  }
}
