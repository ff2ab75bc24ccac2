import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ovirt } from '../../../src/providers/ovirt/ovirt.js';
import { FactoryError } from '../../../src/domain/errors.js';
import type { RegisteredImage } from '../../../src/domain/provider-image.js';
import type { Provider, PushedImage } from '../../../src/providers/types.js';
import { DOMAIN, OvirtEngine, USER } from '../../fakes/providers/ovirt/engine.js';
import { createOperation } from './operation.js';
import type { ImageHost } from '../../fakes/providers/ovirt/image-host.js';

/**
 * Pushes an image as the workflow does: an attempt that fails in a way that may pass is followed by another, with a new
 * connection.
 *
 * @returns what was registered, with the failures of the attempts before
 */
export async function pushUntilDone(
  bench: Bench,
  image: PushedImage,
  configuration: Record<string, unknown> = {},
  notes = new Map<string, string>(),
): Promise<{ registered: RegisteredImage; failures: FactoryError[] }> {
  const failures: FactoryError[] = [];
  for (;;) {
    const operation = createOperation({ notes });
    const provider = await bench.connect(configuration);
    try {
      const found = await provider.find(operation, image);
      const registered = found ?? (await provider.register(operation, image, await provider.upload(operation, image)));
      return { registered, failures };
    } catch (error) {
      if (!(error instanceof FactoryError) || !error.retryable || failures.length === 5) throw error;
      failures.push(error);
    } finally {
      await provider.close();
    }
  }
}

/** A fake engine of oVirt, with a folder for the files that are pushed. */
export interface Bench {
  engine: OvirtEngine;
  folder: string;
  /** Connects as a worker does: each attempt of a push has a provider of its own. */
  connect(configuration?: Record<string, unknown>, credentials?: Readonly<Record<string, unknown>>): Promise<Provider>;
  close(): Promise<void>;
}

/**
 * @param options.host the host with imageio. Default: a fake
 * @param options.tls certificate and key of the engine, with the PEM file of the authority that has signed it
 */
export async function createBench(
  options: { host?: ImageHost; tls?: { cert: string; key: string }; ca?: string } = {},
): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-ovirt-'));
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${USER.password}\n`);
  const engine = new OvirtEngine(options.host, options.tls);
  await engine.server.listen();
  const providers: Provider[] = [];
  return {
    engine,
    folder,
    async connect(more = {}, credentials) {
      const configuration = ovirt.schema.parse({
        kind: 'ovirt',
        url: `${engine.url}/api/`,
        username: USER.username,
        password_file: passwordFile,
        storage_domain: DOMAIN.name,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...more,
      });
      const provider = await ovirt.connect({ name: 'rhev', configuration, credentials, env: {} });
      providers.push(provider);
      return provider;
    },
    async close() {
      await Promise.all(providers.map((provider) => provider.close()));
      engine.server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
