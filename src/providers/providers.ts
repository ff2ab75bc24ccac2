import { z } from 'zod';
import { FactoryError } from '../domain/errors.js';
import { findNearest } from '../domain/nearest.js';
import { PROVIDER_KIND_NAMES, type ProviderKindName } from '../domain/provider-kinds.js';
import { PROVIDER_LOADERS, type LoadedKind } from './registry.js';
import type { Provider } from './types.js';

/** What is known of every provider in the configuration; its kind knows the rest. */
const entrySchema = z.looseObject({ kind: z.enum(PROVIDER_KIND_NAMES as [ProviderKindName, ...ProviderKindName[]]) });

/** The entry of one provider in the worker's configuration, or in a file that a user has given. */
export type ProviderEntry = Readonly<Record<string, unknown>>;

/** A provider that a push uses. */
export interface UsedProvider {
  name: string;
  kind: ProviderKindName;
  provider: Provider;
}

/** Which provider an operation uses. */
export interface WantedProvider {
  name: string;
  /** Its description, where the worker's configuration is not meant. */
  definition?: ProviderEntry | undefined;
  /** Credentials to use instead of the worker's own. */
  credentials?: Readonly<Record<string, unknown>> | undefined;
}

/** The providers of a worker. They are connected when they are first used. */
export class Providers {
  private readonly connected = new Map<string, Promise<UsedProvider>>();

  /**
   * @param entries the providers of the worker's configuration, by name
   * @param env the worker's environment, from which each provider takes the credentials as its own tools do
   */
  constructor(
    private readonly entries: Readonly<Record<string, ProviderEntry>> = {},
    private readonly env: Readonly<Record<string, string | undefined>> = process.env,
  ) {}

  names(): string[] {
    return Object.keys(this.entries);
  }

  /**
   * Calls `work` with a provider.
   *
   * @throws FactoryError InvalidParameter when there is no such provider, or its description has a mistake
   */
  async use<R>(wanted: WantedProvider, work: (used: UsedProvider) => Promise<R>): Promise<R> {
    const isConfigured = wanted.definition === undefined && wanted.credentials === undefined;
    if (isConfigured) return work(await this.getConnected(wanted.name));
    const used = await this.connect(wanted);
    try {
      return await work(used);
    } finally {
      await used.provider.close();
    }
  }

  /** Returns the kind of a provider, without connecting it. @throws FactoryError InvalidParameter */
  kindOf({ name, definition }: WantedProvider): ProviderKindName {
    return parseEntry(name, definition ?? this.findEntry(name)).kind;
  }

  /** Checks every entry of the configuration. @throws FactoryError InvalidParameter for the first mistake */
  async check(): Promise<void> {
    for (const name of this.names()) await loadKind(name, this.findEntry(name));
  }

  async close(): Promise<void> {
    for (const result of await Promise.allSettled(this.connected.values())) {
      if (result.status === 'fulfilled') await result.value.provider.close();
    }
  }

  /** All operations with a provider share its connections. A provider that could not be connected is tried again. */
  private getConnected(name: string): Promise<UsedProvider> {
    const existing = this.connected.get(name);
    if (existing !== undefined) return existing;
    const connecting = this.connect({ name });
    this.connected.set(name, connecting);
    connecting.catch(() => this.connected.delete(name));
    return connecting;
  }

  private async connect({ name, definition, credentials }: WantedProvider): Promise<UsedProvider> {
    const entry = definition ?? this.findEntry(name);
    const { kind } = parseEntry(name, entry);
    const loaded = await loadKind(name, entry);
    return { name, kind, provider: await loaded.connect({ name, entry, credentials, env: this.env }) };
  }

  private findEntry(name: string): ProviderEntry {
    const entry = Object.hasOwn(this.entries, name) ? this.entries[name] : undefined;
    if (entry !== undefined) return entry;
    const names = this.names();
    const nearest = findNearest(name, names);
    const known =
      names.length === 0
        ? 'the configuration of the worker has no `providers`; docs/providers.md has an example'
        : `the providers are ${names.join(', ')}`;
    throw new FactoryError('InvalidParameter', `the workers have no provider ${JSON.stringify(name)}`, {
      hint: nearest === undefined ? known : `did you mean ${nearest}? ${known}`,
    });
  }
}

function parseEntry(name: string, entry: ProviderEntry): { kind: ProviderKindName } {
  const parsed = entrySchema.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw new FactoryError(
    'InvalidParameter',
    `provider ${name}: kind ${JSON.stringify(entry['kind'] ?? null)} is no kind of provider`,
    { hint: `the kinds are ${PROVIDER_KIND_NAMES.join(', ')}` },
  );
}

/** Loads the kind of a provider, and checks the provider's entry. @throws FactoryError InvalidParameter */
async function loadKind(name: string, entry: ProviderEntry): Promise<LoadedKind> {
  const { kind } = parseEntry(name, entry);
  const loaded = await PROVIDER_LOADERS[kind]();
  const mistake = loaded.findMistake(entry);
  if (mistake === undefined) return loaded;
  const where = mistake.key === '' ? '' : `${mistake.key}: `;
  throw new FactoryError('InvalidParameter', `provider ${name}: ${where}${mistake.message}`, {
    hint: `docs/providers/${kind}.md has an example`,
  });
}
