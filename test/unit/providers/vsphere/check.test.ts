import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { InventoryTarget } from './inventory-target.js';
import { LibraryTarget } from './library-target.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { createOperation } from '../../../support/providers/operation.js';

/** Returns what is not well, each as one text. */
async function listFailures(provider: Provider, image?: PushedImage): Promise<string[]> {
  const findings = await provider.check(createOperation(), image);
  return findings.filter(({ ok }) => !ok).map(({ what, message, hint }) => `${what}: ${message} (${hint})`);
}

describe('a check of a content library', () => {
  const check = async (
    prepare: (target: LibraryTarget) => Promise<Partial<PushedImage> | void> | Partial<PushedImage> | void,
    library = 'images',
  ): Promise<{ failures: string[]; items: number }> => {
    const target = await LibraryTarget.create();
    try {
      const change = (await prepare(target)) ?? {};
      const provider = await target.connect(library);
      const failures = await listFailures(provider, { ...target.image, ...change });
      await provider.close();
      return { failures, items: target.fake.items.size };
    } finally {
      await target.close();
    }
  };

  it('finds nothing wrong, and leaves nothing', async () => {
    assert.deepEqual(await check(() => undefined), { failures: [], items: 0 });
    assert.deepEqual(await check(() => undefined, 'lib-1'), { failures: [], items: 0 });
  });

  for (const privilege of ['AddLibraryItem', 'UpdateSession', 'UpdateLibraryItem', 'DeleteLibraryItem']) {
    it(`names the privilege ContentLibrary.${privilege} when it is missing`, async () => {
      const { failures } = await check(({ fake }) => void fake.denied.add(`ContentLibrary.${privilege}`));
      assert.equal(failures.length, 1);
      assert.match(failures[0] ?? '', new RegExp(`add the privilege ContentLibrary\\.${privilege} to the role`));
    });
  }

  it('says that there is no such library, or that it takes no uploads', async () => {
    assert.match((await check(() => undefined, 'nothing')).failures[0] ?? '', /there is no content library nothing/);
    const subscribed = await check(
      ({ fake }) => void fake.libraries.set('lib-1', { name: 'images', type: 'SUBSCRIBED' }),
    );
    assert.match(subscribed.failures[0] ?? '', /is SUBSCRIBED, not LOCAL/);
    const twice = await check(({ fake }) => void fake.libraries.set('lib-2', { name: 'Images', type: 'LOCAL' }));
    assert.match(twice.failures[0] ?? '', /several content libraries .*write the id of the library/);
  });

  it('says that the image does not fit, is of another architecture, or that its name is taken', async () => {
    const full = await check(({ fake }) => void (fake.freeSpace = 1000));
    assert.match(full.failures.join(), /the datastore has 1000 bytes/);
    const arm = await check(() => ({ os: { name: 'Debian', version: '12', arch: 'aarch64' } }));
    assert.match(arm.failures.join(), /vSphere has no virtual machines of aarch64/);
    const taken = await check(async (target) => {
      await target.push(createOperation());
      for (const item of target.fake.items.values()) item.description = 'mine';
    });
    assert.match(taken.failures.join(), /that this push has not made/);
  });
});

describe('a check of a server that does not answer', () => {
  it('is a finding, and before a push a failure that is tried again', async () => {
    const target = await LibraryTarget.create();
    try {
      target.fake.server.fail({ kind: 'status', status: 503, match: {}, times: Infinity });
      const provider = await target.connect();
      assert.match((await listFailures(provider)).join(), /log in, and find the content library images: .*\(503\)/);
      await assert.rejects(
        provider.check(createOperation(), target.image),
        (error) => error instanceof FactoryError && error.retryable,
      );
      await provider.close();
    } finally {
      await target.close();
    }
  });
});

describe('a check of an inventory', () => {
  it('finds nothing wrong, names missing privileges and paths, and looks at the space', async () => {
    const target = await InventoryTarget.create();
    try {
      const { fake, image } = target;
      assert.deepEqual(await target.with((provider) => listFailures(provider, image)), []);
      fake.denied.add('Datastore.AllocateSpace').add('VirtualMachine.Provisioning.MarkAsTemplate');
      fake.freeSpace = 1000;
      const failures = (await target.with((provider) => listFailures(provider, image))).join('\n');
      assert.match(failures, /lacks Datastore\.AllocateSpace on DC\/datastore\/store/);
      assert.match(failures, /lacks VirtualMachine\.Provisioning\.MarkAsTemplate on DC\/vm\/images/);
      assert.match(failures, /the datastore has 1000 bytes/);
      const lost = await target.connect({ folder: 'nowhere' });
      assert.match((await listFailures(lost)).join(), /there is no DC\/vm\/nowhere/);
      await lost.close();
      fake.apiType = 'HostAgent';
      fake.denied.delete('Datastore.AllocateSpace');
      fake.freeSpace = 1e12;
      assert.deepEqual(await target.with((provider) => listFailures(provider, image)), []);
    } finally {
      await target.close();
    }
  });
});
