import { deriveUuid } from './derive-uuid.js';
import { canonicalJson } from './plan.js';
import { isSecretName } from '../domain/provider-secrets.js';
import type { ProviderChoice } from '../domain/provider-image-input.js';

/**
 * Derives the UUID of a provider image from its target image and its provider. So the same push has the same workflow
 * id, and Temporal never runs it twice at the same time.
 *
 * @param credentials those that the user has given: another account or project is another place. Secrets of them do not
 *   count: who has the UUID must not be able to guess them
 */
export function deriveProviderUuid(
  { targetImage, provider }: { targetImage: string; provider: Pick<ProviderChoice, 'name' | 'definition'> },
  credentials: Readonly<Record<string, unknown>> = {},
): string {
  return deriveUuid(
    canonicalJson(['provider_image', targetImage, provider.definition ?? provider.name, ...listNames(credentials)]),
  );
}

function listNames(credentials: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  const names = Object.entries(credentials).filter(([name, value]) => !isSecretName(name) && typeof value === 'string');
  return names.length === 0 ? [] : [Object.fromEntries(names)];
}
