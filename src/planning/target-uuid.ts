import { pickImageParameters, type TargetImageInput } from '../domain/target-image-input.js';
import { deriveUuid } from './derive-uuid.js';
import { canonicalJson } from './plan.js';

/**
 * Derives the UUID of a target image from its base image, its target, and the parameters that say what it is like. So
 * the same image has the same workflow id, and Temporal never makes it twice at the same time.
 */
export function deriveTargetUuid(input: Pick<TargetImageInput, 'baseImage' | 'target' | 'parameters'>): string {
  const { baseImage, target, parameters } = input;
  return deriveUuid(canonicalJson(['target_image', baseImage, target, pickImageParameters(parameters)]));
}
