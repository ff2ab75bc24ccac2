import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OVIRT } from '../../../../src/providers/ovirt/provider.js';
import type { Provider } from '../../../../src/providers/types.js';
import { DOMAIN, OvirtEngine, USER } from '../../../fakes/providers/ovirt/engine.js';
import type { ImageHost } from '../../../fakes/providers/ovirt/image-host.js';

/** An engine with a folder for the files that are pushed. */
export interface Bench {
  engine: OvirtEngine;
  folder: string;
  /** Connects as a worker does, as often as there are attempts. */
  connect(configuration?: Record<string, unknown>): Promise<Provider>;
  close(): Promise<void>;
}

export async function createBench(host?: ImageHost): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'imagefactory-ovirt-'));
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${USER.password}\n`);
  const engine = new OvirtEngine(host);
  await engine.server.listen();
  const providers: Provider[] = [];
  return {
    engine,
    folder,
    async connect(more = {}) {
      const configuration = OVIRT.schema.parse({
        kind: 'ovirt',
        url: `${engine.url}/api/`,
        username: USER.username,
        password_file: passwordFile,
        storage_domain: DOMAIN.name,
        ...more,
      });
      const provider = await OVIRT.connect({ name: 'rhev', configuration, credentials: undefined, env: {} });
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
