import type { Provider, ProviderKind, ProviderSettings } from '../types.js';
import { RegistryClient } from './client.js';
import { CONFIGURATION, type RegistryConfiguration } from './configuration.js';
import { RegistryProvider } from './provider.js';
import { PART_SIZE } from './push-blob.js';

/** Pushes to a registry. Tests take smaller parts. */
export async function connectRegistry(
  settings: ProviderSettings<RegistryConfiguration>,
  partSize = PART_SIZE,
): Promise<Provider> {
  return new RegistryProvider(await RegistryClient.create(settings), settings.configuration, partSize);
}

/** An OCI registry: docker's own one, Harbor, zot, and those of the clouds. */
export const registry: ProviderKind<RegistryConfiguration> = {
  name: 'registry',
  schema: CONFIGURATION,
  connect: (settings) => connectRegistry(settings),
};
