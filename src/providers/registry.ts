import type { ProviderKindName } from '../domain/provider-kinds.js';
import type { ProviderKind } from './types.js';

/** Loads a kind of provider. Its packages are heavy, so they are loaded by the worker that uses it, and only then. */
export type ProviderKindLoader = () => Promise<ProviderKind<unknown>>;

/** The kinds of providers that can be used. */
export const PROVIDER_LOADERS: { readonly [K in ProviderKindName]?: ProviderKindLoader } = {
  azure: async () => (await import('./azure/azure.js')).azureKind,
};
