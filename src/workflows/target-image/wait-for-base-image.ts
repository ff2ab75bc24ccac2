import type { TargetImageInput } from '../../domain/target-image-input.js';
import type { BuildContext } from '../lifecycle/build-context.js';

/** Seconds for which a build waits at most. The deadlines of the base image's own build end this wait earlier. */
const LONGEST_WAIT = 30 * 24 * 3600;

/**
 * Waits until the base image is built, when it may still be. The wait is a step of the phase `plan`: the build has
 * created nothing yet, so nothing needs a clean-up. When the build is cancelled, the base image goes on, because it is
 * a build of its own, and other target images may wait for it.
 */
export async function waitForBaseImage(
  { ref, steps }: BuildContext<'target_image'>,
  input: TargetImageInput,
): Promise<void> {
  if (input.waitForBase !== true) return;
  await steps.run(
    { name: 'base', title: `wait until base image ${input.baseImage} is built`, budget: { total: LONGEST_WAIT } },
    'waitForBaseImage',
    { ref, input },
  );
}
