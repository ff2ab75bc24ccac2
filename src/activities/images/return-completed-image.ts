import { FactoryError } from '../../domain/errors.js';
import type { BaseImageResult } from '../../domain/messages.js';
import type { BuildRef } from '../../domain/names.js';
import type { Deps } from '../shared/context.js';
import { completedResult } from '../shared/completed-build.js';

/**
 * Returns the result of a build that has completed.
 * @throws FactoryError ImageFailed when the image was removed just now
 */
export async function returnCompletedImage(deps: Deps, { ref }: { ref: BuildRef }): Promise<BaseImageResult> {
  const built = await completedResult(deps, ref);
  if (built !== undefined) return built;
  throw new FactoryError('ImageFailed', `the image of build ${ref.uuid} has just been removed`, {
    hint: `imagefactory resume ${ref.uuid} builds it again`,
  });
}
