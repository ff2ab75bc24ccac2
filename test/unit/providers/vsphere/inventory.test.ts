import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { createBytes, createOva, OVA_CAPACITY } from '../../../support/providers/ova.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';
import { InventoryTarget } from './inventory-target.js';

let target: InventoryTarget;
beforeEach(async () => {
  target = await InventoryTarget.create();
});
afterEach(() => target.close());

function onlyMachine() {
  const machines = [...target.fake.machines.values()];
  assert.equal(machines.length, 1);
  const [machine] = machines;
  assert.ok(machine);
  return machine;
}

function assertComplete() {
  const machine = onlyMachine();
  assert.ok(machine.disks[0]?.content?.equals(target.disk));
  assert.match(machine.annotation, /^imagefactory_state=registered$/m);
  assert.match(machine.annotation, new RegExp(`^imagefactory_image=${target.image.uuid}$`, 'm'));
  assert.equal(machine.isTemplate, target.fake.apiType === 'VirtualCenter');
  assert.equal(target.fake.leases.holds(machine.id), false);
}

function isError(type: string, message: RegExp, hint = /(?:)/) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof FactoryError, String(error));
    assert.equal(error.type, type);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint);
    return true;
  };
}

/** An attempt that ends in the middle of its upload, as a killed process does: it aborts nothing. */
async function dieInTheMiddle() {
  const stop = new AbortController();
  const onReport = ({ percent }: { percent?: number }): void => {
    if (percent !== undefined && percent > 40) stop.abort(new Error('the worker stops'));
  };
  await assert.rejects(target.push(target.operation({ signal: stop.signal, onReport })), /the worker stops/);
}

describe('a push into the inventory', () => {
  it('makes one marked template with the disk of the OVA, and finds it again', async () => {
    const registered = await target.push();
    assertComplete();
    assert.equal(registered.id, onlyMachine().id);
    assert.deepEqual(await target.push(), registered);
    assert.equal(target.fake.server.log.count({ path: /^\/nfc/ }), 1);
  });

  it('makes a virtual machine on an ESXi host, which has no templates', async () => {
    target.fake.apiType = 'HostAgent';
    target.fake.leases.writesAsterisk = true;
    const registered = await target.push();
    assertComplete();
    assert.deepEqual(await target.push(), registered);
  });

  it('sends the disk again when its connection was cut', async () => {
    target.fake.server.cutRequest({ method: 'POST', path: /^\/nfc/ }, 2_000_000);
    await target.push();
    assertComplete();
  });

  it('waits for the end of the import of a worker that died, and then imports once more', async () => {
    await dieInTheMiddle();
    const before = target.fake.now;
    await target.push();
    assertComplete();
    assert.ok(target.fake.now - before >= 300_000 - 60_000);
  });

  it('goes on after a worker that died between upload and registration, without sending the disk', async () => {
    await target.with((provider) => provider.upload(target.operation(), target.image));
    await target.push();
    assertComplete();
    assert.equal(target.fake.server.log.count({ path: /^\/nfc/ }), 1);
  });

  it('imports again after its session has ended during the upload', async () => {
    target.fake.server.fail({
      kind: 'held',
      when: 'after',
      match: { path: /^\/nfc/ },
      decide: async () => {
        target.fake.endLogins();
        return 'go';
      },
    });
    await target.push();
    assertComplete();
  });

  it('logs in again when the server has ended the session', async () => {
    await target.with(async (provider) => {
      await provider.find(target.operation(), target.image);
      target.fake.endLogins();
      const uploaded = await provider.upload(target.operation(), target.image);
      target.fake.endLogins();
      await provider.register(target.operation(), target.image, uploaded);
    });
    assertComplete();
  });

  it('never takes other bytes for its own', async () => {
    await dieInTheMiddle();
    const disk = createBytes('other', 2000);
    target.fake.diskSize = disk.length;
    const other = await createPushedImage(target.folder, await createOva(disk), {
      uuid: target.image.uuid,
      format: 'ova',
      virtualSize: OVA_CAPACITY,
    });
    await target.push(target.operation(), other);
    assert.equal(target.fake.machines.size, 2);
    await target.with(async (provider) => {
      assert.equal((await provider.removeStaging(target.operation(), target.image.uuid)).length, 1);
    });
    assert.equal(onlyMachine().isTemplate, true);
  });

  it('waits for the configuration of a machine that was just made', async () => {
    await target.with(async (provider) => {
      target.fake.readsWithoutConfig = 3;
      const uploaded = await provider.upload(target.operation(), target.image);
      assert.equal(target.fake.server.log.count({ path: /^\/nfc/ }), 1);
      target.fake.readsWithoutConfig = 1000;
      await assert.rejects(
        provider.register(target.operation(), target.image, uploaded),
        (error: unknown) => error instanceof FactoryError && error.type === 'CloudUnavailable' && error.retryable,
      );
      assert.deepEqual(await provider.listStaging(target.operation()), []);
      target.fake.readsWithoutConfig = 0;
      await provider.register(target.operation(), target.image, uploaded);
    });
    assertComplete();
  });

  it('goes on with its own machine that was not found by its path at first', async () => {
    await target.with((provider) => provider.upload(target.operation(), target.image));
    target.fake.blindSearches = 2;
    await target.push();
    assertComplete();
    assert.equal(target.fake.server.log.count({ path: /^\/nfc/ }), 1);
  });

  it('never takes somebody else’s machine for its own that was not found by its path at first', async () => {
    await target.push();
    const { name, id } = onlyMachine();
    target.fake.machines.delete(id);
    target.fake.addMachine(name, 'mine');
    target.fake.blindSearches = 2;
    await assert.rejects(target.push(), isError('Conflict', /that this push has not made/));
    assert.equal(onlyMachine().annotation, 'mine');
  });

  it('does not register a machine that is gone, or that somebody has changed', async () => {
    await target.with(async (provider) => {
      const uploaded = await provider.upload(target.operation(), target.image);
      const register = () => provider.register(target.operation(), target.image, uploaded);
      const isFinal = (error: unknown): boolean => error instanceof FactoryError && !error.retryable;
      const machine = onlyMachine();
      const { annotation } = machine;
      machine.annotation = 'changed by somebody';
      await assert.rejects(register, isError('Conflict', /has changed/, /resume/));
      await assert.rejects(register, isFinal);
      machine.annotation = annotation;
      target.fake.machines.delete(machine.id);
      await assert.rejects(register, isError('NotFound', /no longer at vSphere/, /resume the push: it uploads/));
      await assert.rejects(register, isFinal);
    });
    await target.push();
    assertComplete();
  });

  it('refuses to touch somebody else’s machine of its name', async () => {
    await target.push();
    const { name, id } = onlyMachine();
    target.fake.machines.delete(id);
    target.fake.addMachine(name, 'mine');
    await assert.rejects(target.push(), isError('Conflict', /that this push has not made/, /never overwritten/));
    assert.equal(onlyMachine().annotation, 'mine');
  });

  it('passes on why the server does not import', async () => {
    target.fake.leases.nextError = { fault: 'InvalidDeviceSpec', message: 'Invalid configuration for device 2.' };
    await assert.rejects(
      target.push(),
      isError('ImageFailed', /InvalidDeviceSpec: Invalid configuration for device 2/),
    );
    assert.equal(target.fake.machines.size, 0);
  });

  it('sends no disk to an address without TLS', async () => {
    target.fake.leases.host = 'http://esx.example.org';
    await assert.rejects(target.push(), isError('BadRequest', /not https: http:\/\/esx\.example\.org/));
    assert.equal(target.fake.machines.size, 0);
  });

  it('says that a datastore is full, and may try again', async () => {
    target.fake.leases.nextError = { fault: 'NoDiskSpace', message: 'Insufficient disk space on datastore store.' };
    await target.push();
    assertComplete();
  });

  it('passes on why the server does not take the descriptor', async () => {
    await target.close();
    target = await InventoryTarget.create({ hardware: 99 });
    await assert.rejects(target.push(), isError('ImageFailed', /Unsupported hardware family 'vmx-99'/));
    assert.equal(target.fake.machines.size, 0);
  });

  it('compares the size of the disk', async () => {
    const image = { ...target.image, file: { ...target.image.file, virtualSize: 1 } };
    await assert.rejects(target.push(target.operation(), image), isError('ImageFailed', /has disks of 67108864 bytes/));
  });

  it('says which privilege is missing', async () => {
    target.fake.denied.add('VApp.Import');
    await assert.rejects(target.push(), isError('Forbidden', /NoPermission/, /VApp\.Import/));
  });

  it('says that the password is wrong, without the password', async () => {
    target.fake.password = 'another';
    await assert.rejects(target.push(), isError('AuthenticationFailed', /^(?!.*secret).*InvalidLogin/));
  });

  it('says which path is wrong', async () => {
    const provider = await target.connect({ folder: 'nowhere' });
    await assert.rejects(
      provider.upload(target.operation(), target.image),
      isError('NotFound', /there is no DC\/vm\/nowhere/, /configuration/),
    );
    await provider.close();
  });
});

describe('what remains in the inventory', () => {
  it('is listed and removed, and nothing else is', async () => {
    await dieInTheMiddle();
    target.fake.addMachine('golden', 'imagefactory_image=of somebody');
    await target.with(async (provider) => {
      const listed = await provider.listStaging(target.operation());
      const [age = Number.NaN] = listed.map(({ createdAt }) => Date.now() - (createdAt ?? Number.NaN));
      assert.ok(age >= 0 && age < 600_000, `${age} milliseconds old`);
      assert.deepEqual(
        listed.map(({ uuid, size }) => ({ uuid, size })),
        [{ uuid: target.image.uuid, size: OVA_CAPACITY }],
      );
      assert.deepEqual(await provider.removeStaging(target.operation(), 'another'), []);
      await provider.removeStaging(target.operation(), target.image.uuid);
      assert.deepEqual(await provider.removeStaging(target.operation(), target.image.uuid), []);
      assert.deepEqual(await provider.listStaging(target.operation()), []);
    });
    assert.equal(onlyMachine().name, 'golden');
  });

  it('is never a machine that a user has cloned', async () => {
    const uploaded = await target.with((provider) => provider.upload(target.operation(), target.image));
    const early = target.fake.cloneMachine(uploaded.ids['machine'] ?? '', 'early');
    const registered = await target.push();
    const late = target.fake.cloneMachine(registered.id, 'late');
    await target.with(async (provider) => {
      assert.deepEqual(await provider.listStaging(target.operation()), []);
      for (const everything of [false, true]) {
        assert.deepEqual(await provider.removeStaging(target.operation(), target.image.uuid, { everything }), []);
      }
      for (const { id } of [early, late]) {
        const clone = { ...registered, id };
        await assert.rejects(provider.delete(target.operation(), clone), isError('Conflict', /has not made/));
      }
      await provider.delete(target.operation(), registered);
    });
    assert.deepEqual([...target.fake.machines.keys()], [early.id, late.id]);
  });

  it('is a registered machine that is no template only when the image is given up', async () => {
    await target.push();
    onlyMachine().isTemplate = false;
    await target.with(async (provider) => {
      const { uuid } = target.image;
      assert.deepEqual(await provider.listStaging(target.operation()), []);
      assert.deepEqual(await provider.removeStaging(target.operation(), uuid), []);
      assert.equal((await provider.removeStaging(target.operation(), uuid, { everything: true })).length, 1);
    });
  });

  it('is deleted once, with a registered image', async () => {
    const registered = await target.push();
    await target.with(async (provider) => {
      assert.deepEqual(await provider.listStaging(target.operation()), []);
      assert.equal((await provider.delete(target.operation(), registered)).length, 1);
      assert.deepEqual(await provider.delete(target.operation(), registered), []);
    });
    assert.equal(target.fake.machines.size, 0);
  });

  it('is not deleted when it is powered on or does not carry our marks', async () => {
    const registered = await target.push();
    onlyMachine().isOn = true;
    await target.with(async (provider) => {
      const remove = () => provider.delete(target.operation(), registered);
      await assert.rejects(remove, isError('Conflict', /InvalidPowerState/, /power the virtual machine off/));
      Object.assign(onlyMachine(), { isOn: false, annotation: 'changed by somebody' });
      await assert.rejects(remove, isError('Conflict', /has not made/));
    });
    assert.equal(target.fake.machines.size, 1);
  });
});
