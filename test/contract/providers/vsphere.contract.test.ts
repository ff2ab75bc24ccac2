import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { FactoryError } from '../../../src/domain/errors.js';
import type { Provider, PushedImage } from '../../../src/providers/types.js';
import type { VsphereConfiguration } from '../../../src/providers/vsphere/configuration.js';
import { vsphere } from '../../../src/providers/vsphere/vsphere.js';
import { installVcsim, startVcsim, type Vcsim } from '../../support/counterparts/vcsim.js';
import { createOperation } from '../../support/providers/operation.js';
import { createBytes, createOva, OVA_CAPACITY } from '../../support/providers/ova.js';
import { createPushedImage } from '../../support/providers/pushed-image.js';

type Place = Pick<VsphereConfiguration, 'library' | 'datacenter' | 'resource_pool' | 'datastore' | 'network'>;

const TARGETS: Record<string, { kind: 'vcenter' | 'esx'; place: Place }> = {
  'a content library of vCenter': { kind: 'vcenter', place: { library: 'images' } },
  'the inventory of vCenter': {
    kind: 'vcenter',
    place: {
      datacenter: 'DC0',
      resource_pool: 'DC0_C0/Resources',
      datastore: 'LocalDS_0',
      network: 'DC0_DVPG0',
    },
  },
  'an ESXi host': {
    kind: 'esx',
    place: {
      datacenter: 'ha-datacenter',
      resource_pool: 'localhost.localdomain/Resources',
      datastore: 'LocalDS_0',
      network: 'VM Network',
    },
  },
};

/** Makes a disk that is stream-optimized: the simulator reads its header. */
async function createVmdk(folder: string, seed: string): Promise<Buffer> {
  const raw = join(folder, `${seed}.raw`);
  const vmdk = join(folder, `${seed}.vmdk`);
  await writeFile(raw, createBytes(seed, 3_000_000));
  await truncate(raw, OVA_CAPACITY);
  const options = ['-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, vmdk];
  await promisify(execFile)('qemu-img', ['convert', '-f', 'raw', ...options]);
  return await readFile(vmdk);
}

const installed = await installVcsim();

for (const [name, { kind, place }] of Object.entries(TARGETS)) {
  describe(`govmomi's simulator: pushing to ${name}`, { skip: 'missing' in installed && installed.missing }, () => {
    let vcsim: Vcsim;
    let folder: string;
    let image: PushedImage;
    let provider: Provider;
    const connect = (password = 'password'): Promise<Provider> =>
      vsphere.connect({
        name: 'test',
        configuration: {
          kind: 'vsphere',
          server: vcsim.url,
          user: 'images',
          password_file: join(folder, password),
          ...place,
        },
        credentials: undefined,
        env: {},
      });

    before(async () => {
      assert.ok('program' in installed);
      vcsim = await startVcsim(installed.program, kind);
      folder = await mkdtemp(join(tmpdir(), 'vcsim-'));
      await writeFile(join(folder, 'password'), 'secret');
      await writeFile(join(folder, 'wrong'), 'wrong');
      const ova = await createOva(await createVmdk(folder, 'disk'));
      image = await createPushedImage(folder, ova, { format: 'ova', virtualSize: OVA_CAPACITY });
      provider = await connect();
    });
    after(async () => {
      await provider?.close();
      await vcsim?.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('shows that everything needed is there', async () => {
      const findings = await provider.check(createOperation(), image);
      assert.deepEqual(
        findings.filter(({ ok }) => !ok),
        [],
      );
      assert.ok(findings.length > 3);
    });

    it('refuses a wrong password', async () => {
      const stranger = await connect('wrong');
      await assert.rejects(
        stranger.find(createOperation(), image),
        (error) => error instanceof FactoryError && error.type === 'AuthenticationFailed',
      );
      await stranger.close();
    });

    it('makes one image, which it finds again', async () => {
      assert.equal(await provider.find(createOperation(), image), undefined);
      const uploaded = await provider.upload(createOperation(), image);
      assert.ok(uploaded.sent > 0);
      const registered = await provider.register(createOperation(), image, uploaded);
      assert.deepEqual(await provider.find(createOperation(), image), registered);
      const second = await connect();
      assert.deepEqual(await second.find(createOperation(), image), registered);
      await second.close();
      assert.deepEqual(await provider.listStaging(createOperation()), []);
    });

    it('goes on in another worker after an attempt has ended in the middle of the disk', async () => {
      const disk = await createVmdk(folder, 'third');
      const third = await createPushedImage(folder, await createOva(disk), {
        format: 'ova',
        virtualSize: OVA_CAPACITY,
      });
      const stop = new AbortController();
      const onReport = ({ percent }: { percent?: number }): void => {
        if (percent !== undefined && percent > 40) stop.abort(new Error('the worker stops'));
      };
      await assert.rejects(provider.upload(createOperation({ signal: stop.signal, onReport }), third), /worker stops/);
      const second = await connect();
      assert.equal(await second.find(createOperation(), third), undefined);
      const uploaded = await second.upload(createOperation(), third);
      const registered = await second.register(createOperation(), third, uploaded);
      assert.deepEqual(await provider.listStaging(createOperation()), []);
      assert.equal((await second.delete(createOperation(), registered)).length, 1);
      await second.close();
    });

    it('removes what an ended push has left, and only that', async () => {
      const other = await createPushedImage(folder, await createOva(await createVmdk(folder, 'other')), {
        format: 'ova',
        virtualSize: OVA_CAPACITY,
      });
      await provider.upload(createOperation(), other);
      assert.deepEqual(
        (await provider.listStaging(createOperation())).map(({ uuid }) => uuid),
        [other.uuid],
      );
      assert.equal((await provider.removeStaging(createOperation(), other.uuid)).length, 1);
      assert.deepEqual(await provider.removeStaging(createOperation(), other.uuid), []);
    });

    it('deletes the image once', async () => {
      const registered = await provider.find(createOperation(), image);
      assert.ok(registered);
      assert.equal((await provider.delete(createOperation(), registered)).length, 1);
      assert.deepEqual(await provider.delete(createOperation(), registered), []);
      assert.equal(await provider.find(createOperation(), image), undefined);
    });
  });
}
