import type { ProviderKindName } from '../domain/provider-kinds.js';
import type { Provider, ProviderKind, ProviderSettings } from './types.js';

/** A kind of provider with the type of its configuration hidden, so that all kinds are in one table. */
export interface LoadedKind {
  /** Checks an entry of the configuration. Returns the first mistake with its key; undefined when there is none. */
  findMistake(entry: unknown): { key: string; message: string } | undefined;
  /** Connects to a provider whose entry has no mistake. */
  connect(settings: Omit<ProviderSettings<unknown>, 'configuration'> & { entry: unknown }): Promise<Provider>;
}

/** The kinds of providers that can be used. Each is loaded when a worker first uses it. */
export const PROVIDER_LOADERS: { readonly [K in ProviderKindName]: () => Promise<LoadedKind> } = {
  azure: async () => hideType((await import('./azure/azure.js')).azure),
  ec2: async () => hideType((await import('./ec2/ec2.js')).ec2),
  files: async () => hideType((await import('./files/files.js')).files),
  gce: async () => hideType((await import('./gce/gce.js')).gce),
  glance: async () => hideType((await import('./glance/glance.js')).glance),
  ovirt: async () => hideType((await import('./ovirt/ovirt.js')).ovirt),
  registry: async () => hideType((await import('./oci-registry/registry.js')).registry),
  vsphere: async () => hideType((await import('./vsphere/vsphere.js')).vsphere),
};

function hideType<C>({ schema, connect }: ProviderKind<C>): LoadedKind {
  return {
    findMistake: (entry) => {
      const issue = schema.safeParse(entry).error?.issues[0];
      return issue && { key: issue.path.join('.'), message: issue.message };
    },
    connect: ({ entry, ...settings }) => connect({ ...settings, configuration: schema.parse(entry) }),
  };
}
