import { buildInitialRecord } from '../records/initial-record.js';
import { describeOptions } from '../records/inputs.js';
import type { Deps } from '../shared/context.js';
import { waitForImageBuild } from '../shared/wait-for-image-build.js';
import { describeChoice, writeFirstRecord } from './plan-provider-image.js';
import type { PushInput } from './with-provider.js';

/**
 * Waits until the target image of a push is made. Before that, writes a first record, so that lists of images have the
 * provider image while it waits, and nobody deletes its target image.
 *
 * @throws FactoryError Conflict when the build of the target image has ended without an image
 */
export async function waitForTargetImage(deps: Deps, { ref, input }: PushInput): Promise<void> {
  const { targetImage, provider, parameters } = input;
  await writeFirstRecord(deps, () =>
    buildInitialRecord(deps, ref, {
      type: 'ProviderImage',
      template: '',
      name: '',
      parameters: { ...parameters },
      ...describeChoice(provider),
      target_image_id: targetImage,
      parent: { id: targetImage, digest: null },
      inputs: [describeOptions(parameters)],
    }),
  );
  await waitForImageBuild(deps, ref, 'target_image', targetImage);
}
