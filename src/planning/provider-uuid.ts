import { deriveUuid } from './derive-uuid.js';
import { canonicalJson } from './plan.js';
import type { ProviderImageInput } from '../domain/provider-image-input.js';

/**
 * Derives the UUID of a provider image from its target image and its provider. So the same push has the same workflow
 * id, and Temporal never runs it twice at the same time.
 */
export function deriveProviderUuid({
  targetImage,
  provider,
}: Pick<ProviderImageInput, 'targetImage' | 'provider'>): string {
  return deriveUuid(canonicalJson(['provider_image', targetImage, provider.definition ?? provider.name]));
}
