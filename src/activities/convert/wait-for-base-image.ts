import type { BuildRef } from '../../domain/names.js';
import type { TargetImageInput } from '../../domain/target-image-input.js';
import { buildInitialRecord } from '../records/initial-record.js';
import { describeOptions } from '../records/inputs.js';
import type { Deps } from '../shared/context.js';
import { waitForImageBuild } from '../shared/wait-for-image-build.js';

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
  await waitForImageBuild(deps, ref, 'base_image', baseImage);
}
