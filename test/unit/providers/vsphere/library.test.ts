import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { FakeContentLibrary } from '../../../fakes/providers/vsphere/fake-content-library.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createBytes, createOva } from '../../../support/providers/ova.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';
import { LibraryTarget } from './library-target.js';

const DISK = 'debian-12-disk1.vmdk';
const DISK_PATH = new RegExp(`^/cls/data/.*/${DISK}$`);

let target: LibraryTarget;
beforeEach(async () => {
  target = await LibraryTarget.create();
});
afterEach(() => target.close());

function onlyItem() {
  const items = [...target.fake.items.values()];
  assert.equal(items.length, 1);
  const [item] = items;
  assert.ok(item);
  return item;
}

function assertComplete() {
  const item = onlyItem();
  assert.deepEqual(item.files.map(({ name }) => name).sort(), [DISK, 'debian-12.mf', 'debian-12.ovf']);
  assert.ok(item.files.find(({ name }) => name === DISK)?.content.equals(target.disk));
  assert.match(item.description, /^imagefactory_state=registered$/m);
  assert.match(item.description, new RegExp(`^imagefactory_image=${target.image.uuid}$`, 'm'));
  assert.match(item.description, new RegExp(`^imagefactory_source=${target.image.file.sha512.slice(0, 32)}$`, 'm'));
  assert.equal(target.fake.sessions.sessions.size, 0);
}

function isError(type: string, message: RegExp, retryable = false) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof FactoryError, String(error));
    assert.equal(error.type, type);
    assert.match(error.message, message);
    assert.equal(error.retryable, retryable);
    return true;
  };
}

describe('a push to a content library', () => {
  it('makes one marked item with the files of the OVA, and finds it again', async () => {
    const registered = await target.push(createOperation());
    assertComplete();
    const item = onlyItem();
    assert.equal(registered.id, item.id);
    assert.match(item.name, /^debian-12-test-[0-9a-f]{8}$/);
    assert.match(registered.location, new RegExp(`/api/content/library/item/${item.id}$`));
    assert.equal(target.fake.sessions.received, target.image.file.size - 3 * 512 - 1024 - paddingOf());
    assert.deepEqual(await target.push(createOperation()), registered);
    assertComplete();
  });

  it('shows its progress', async () => {
    const operation = createOperation();
    await target.push(operation);
    assert.ok(operation.progress.some(({ percent }) => percent === 100));
    assert.ok(operation.progress.some(({ message }) => message.startsWith('uploading debian-12.ova to the item')));
  });

  for (const part of ['debian-12.ovf', 'debian-12.mf', DISK]) {
    it(`goes on after it was cut in ${part}, without the files that are there`, async () => {
      target.fake.server.cutRequest({ method: 'PUT', path: new RegExp(`/${part}$`) }, 1);
      const stop = new AbortController();
      const operation = createOperation({ signal: stop.signal });
      const { sleep } = operation;
      operation.sleep = async (milliseconds) => {
        // A pause before another try, not one between two questions.
        if (milliseconds <= operation.pollInterval) return await sleep(milliseconds);
        stop.abort(new Error('the worker stops'));
        stop.signal.throwIfAborted();
      };
      await assert.rejects(target.push(operation), /the worker stops/);
      const before = target.fake.sessions.received;
      const sessions = [...target.fake.sessions.sessions.keys()];
      await target.push(createOperation());
      assertComplete();
      assert.equal(sessions.length, 1);
      const puts = target.fake.server.log.list().filter(({ method, status }) => method === 'PUT' && status === 200);
      assert.equal(puts.length, 3, 'every file was taken once');
      assert.ok(target.fake.sessions.received > before);
    });
  }

  it('sends a file again when only its connection was cut', async () => {
    target.fake.server.cutRequest({ method: 'PUT', path: DISK_PATH }, 2_000_000);
    await target.push(createOperation());
    assertComplete();
  });

  it('starts another session when vCenter has ended the first one with an error', async () => {
    const { server, sessions, items } = target.fake;
    server.fail({
      kind: 'held',
      when: 'before',
      match: { method: 'PUT', path: DISK_PATH },
      decide: async () => {
        for (const id of items.keys()) sessions.fail(id, 'the transfer was cut');
        return 'cut';
      },
    });
    await target.push(createOperation());
    assertComplete();
    assert.equal(sessions.sessions.size, 0);
  });

  it('starts another session when the first one has expired', async () => {
    await target.dieBeforeComplete();
    target.fake.now += 301_000;
    await target.push(createOperation());
    assertComplete();
  });

  it('finds what it made when the server ignores the client token', async () => {
    target.fake.knowsTokens = false;
    target.fake.server.fail({ kind: 'reset-after', match: { method: 'POST', path: /\/item$/ } });
    await target.push(createOperation());
    assertComplete();
  });

  it('logs in again when vCenter has ended the session', async () => {
    await target.with(async (provider) => {
      await provider.find(createOperation(), target.image);
      target.fake.endLogins();
      const uploaded = await provider.upload(createOperation(), target.image);
      target.fake.endLogins();
      await provider.register(createOperation(), target.image, uploaded);
    });
    assertComplete();
  });

  it('logs in for everybody, also when the push that began it is aborted', async () => {
    const stop = new AbortController();
    const decide = async () => {
      stop.abort(new Error('stop'));
      return 'go' as const;
    };
    target.fake.server.fail({ kind: 'held', when: 'before', match: { path: /\/api\/session$/ }, decide });
    await target.with(async (provider) => {
      const aborted = provider.find(createOperation({ signal: stop.signal }), target.image);
      const other = provider.find(createOperation(), target.image);
      await assert.rejects(aborted, /stop/);
      assert.equal(await other, undefined);
    });
  });

  it('never continues with other bytes', async () => {
    await target.dieBeforeComplete();
    const other = await createPushedImage(target.folder, await createOva(createBytes('other', 1000)), {
      uuid: target.image.uuid,
      format: 'ova',
    });
    await target.push(createOperation(), other);
    assert.equal(target.fake.items.size, 2);
    await target.with(async (provider) => {
      assert.equal((await provider.removeStaging(createOperation(), target.image.uuid)).length, 1);
    });
    assert.match(onlyItem().description, /imagefactory_state=registered/);
  });

  it('refuses to touch somebody else’s item of its name', async () => {
    await target.push(createOperation());
    const { name, id } = onlyItem();
    target.fake.items.delete(id);
    target.fake.addItem(name, 'mine');
    await assert.rejects(target.push(createOperation()), isError('Conflict', /that this push has not made/));
    assert.equal(onlyItem().description, 'mine');
  });

  it('makes the item again when it was deleted', async () => {
    const { id } = await target.push(createOperation());
    target.fake.items.delete(id);
    await target.push(createOperation());
    assertComplete();
    assert.notEqual(onlyItem().id, id);
  });

  it('passes on why vCenter does not take the item', async () => {
    target.fake.server.fail({
      kind: 'held',
      when: 'after',
      match: { method: 'POST', path: /action=complete/ },
      decide: async () => {
        target.fake.sessions.fail(onlyItem().id, 'the OVF is not signed');
        return 'go';
      },
    });
    await assert.rejects(target.push(createOperation()), isError('ImageFailed', /the OVF is not signed/));
  });

  it('passes on why vCenter does not take a file', async () => {
    const { sessions, server } = target.fake;
    server.fail({
      kind: 'held',
      when: 'after',
      match: { method: 'PUT', path: DISK_PATH },
      decide: async () => {
        const [session] = sessions.sessions.values();
        Object.assign(session?.files.get(DISK) ?? {}, { status: 'ERROR', error: 'the checksum is wrong' });
        return 'go';
      },
    });
    await assert.rejects(
      target.push(createOperation()),
      isError('ImageFailed', /did not take .*the checksum is wrong/),
    );
  });

  it('tries again when somebody has canceled its session', async () => {
    target.fake.server.fail({
      kind: 'held',
      when: 'after',
      match: { method: 'POST', path: /action=complete/ },
      decide: async () => {
        for (const session of target.fake.sessions.sessions.values()) session.state = 'CANCELED';
        return 'go';
      },
    });
    await target.push(createOperation());
    assertComplete();
  });

  it('stops at once when it is aborted, and leaves what a second attempt continues', async () => {
    const stop = new AbortController();
    const operation = createOperation({
      signal: stop.signal,
      onReport: ({ percent }) => {
        if (percent !== undefined && percent > 40) stop.abort(new Error('stop'));
      },
    });
    await assert.rejects(target.push(operation), /stop/);
    assert.equal(target.fake.items.size, 1);
    await target.push(createOperation());
    assertComplete();
  });

  it('holds the upload to the rate', async () => {
    const operation = createOperation({ uploadRate: 1 });
    let pauses = 0;
    const { sleep } = operation;
    operation.sleep = async (milliseconds) => {
      if (milliseconds > 1000) pauses++;
      await sleep(milliseconds);
    };
    await target.push(operation);
    assert.ok(pauses >= 3);
  });

  it('sends no file to an address without TLS', async () => {
    target.fake.sessions.host = 'http://vc.example.org';
    await assert.rejects(target.push(createOperation()), isError('BadRequest', /not https: http:\/\/vc\.example/));
  });

  it('gives its session to no other server', async () => {
    const seen: unknown[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers['vmware-api-session-id']);
      request.resume().on('end', () => response.writeHead(403).end());
    }).listen(0, '127.0.0.2');
    await once(other, 'listening');
    try {
      target.fake.sessions.host = `http://127.0.0.2:${(other.address() as AddressInfo).port}`;
      await assert.rejects(target.push(createOperation()), isError('Forbidden', /./));
      assert.deepEqual(seen, [undefined]);
    } finally {
      other.close();
    }
  });

  it('does not take the 404 of a proxy for an item that is gone', async () => {
    const { id } = await target.push(createOperation());
    const match = { method: 'DELETE', path: new RegExp(`/item/${id}$`) };
    const remove = target.fake.server.fail({ kind: 'status', status: 404, match });
    await target.with(async (provider) => {
      const registered = { id, location: '', resources: [], verifiedBy: '' };
      await assert.rejects(provider.delete(createOperation(), registered), isError('NotFound', /404/, true));
      remove();
      assert.equal((await provider.delete(createOperation(), registered)).length, 1);
    });
    assert.equal(target.fake.items.size, 0);
  });

  it('says which privilege is missing', async () => {
    target.fake.denied.add('ContentLibrary.AddLibraryItem');
    await assert.rejects(target.push(createOperation()), (error: unknown) => {
      assert.ok(error instanceof FactoryError);
      assert.equal(error.type, 'Forbidden');
      assert.match(error.hint ?? '', /ContentLibrary\.AddLibraryItem/);
      return true;
    });
  });

  it('says that the password is wrong, without the password', async () => {
    target.fake.password = 'another';
    await assert.rejects(target.push(createOperation()), (error: unknown) => {
      assert.ok(error instanceof FactoryError);
      assert.equal(error.type, 'AuthenticationFailed');
      assert.doesNotMatch(`${error.message} ${error.hint}`, /secret/);
      return true;
    });
  });

  it('verifies the certificate of the server', async () => {
    const path = (name: string): string => fileURLToPath(new URL(`../../http/fixtures/${name}.pem`, import.meta.url));
    const tls = { cert: await readFile(path('cert')), key: await readFile(path('key')) };
    const other = await LibraryTarget.create(new FakeContentLibrary(tls));
    try {
      await assert.rejects(other.push(createOperation()), (error: unknown) => {
        assert.ok(error instanceof FactoryError && !error.retryable);
        assert.match(error.hint ?? '', /`ca` of a provider/);
        return true;
      });
      const trusting = await other.connect('images', path('cert'));
      assert.equal(
        (await trusting.upload(createOperation(), other.image)).ids['item'],
        [...other.fake.items.keys()][0],
      );
      await trusting.close();
      await assert.rejects(other.connect('images', '/nowhere.pem'), /certificate authority cannot be read/);
    } finally {
      await other.close();
    }
  });

  it('refuses a file that is no OVA, before anything is made', async () => {
    const image = await createPushedImage(target.folder, Buffer.from('no tar'.repeat(500)), { format: 'ova' });
    await assert.rejects(target.push(createOperation(), image), isError('ImageFailed', /no OVA that can be pushed/));
    assert.equal(target.fake.items.size, 0);
  });
});

describe('what remains in a content library', () => {
  it('is listed and removed with its session, and nothing else is', async () => {
    await target.dieBeforeComplete();
    const other = target.fake.addItem('golden', 'imagefactory_image=of somebody');
    const [item] = target.fake.items.values();
    await target.with(async (provider) => {
      const listed = await provider.listStaging(createOperation());
      assert.deepEqual(
        listed.map(({ uuid, id }) => ({ uuid, id })),
        [{ uuid: target.image.uuid, id: item?.id }],
      );
      assert.deepEqual(await provider.removeStaging(createOperation(), 'another'), []);
      assert.equal((await provider.removeStaging(createOperation(), target.image.uuid)).length, 1);
      assert.deepEqual(await provider.removeStaging(createOperation(), target.image.uuid), []);
      assert.deepEqual(await provider.listStaging(createOperation()), []);
    });
    assert.deepEqual([...target.fake.items.keys()], [other]);
    assert.equal(target.fake.sessions.sessions.size, 0);
    await target.push(createOperation());
  });

  it('is deleted once, with a registered image', async () => {
    const registered = await target.push(createOperation());
    await target.with(async (provider) => {
      assert.deepEqual(await provider.listStaging(createOperation()), []);
      assert.equal((await provider.delete(createOperation(), registered)).length, 1);
      assert.deepEqual(await provider.delete(createOperation(), registered), []);
    });
    assert.equal(target.fake.items.size, 0);
  });

  it('is not deleted when it does not carry our marks', async () => {
    const registered = await target.push(createOperation());
    onlyItem().description = 'changed by somebody';
    await target.with((provider) =>
      assert.rejects(provider.delete(createOperation(), registered), isError('Conflict', /has not made/)),
    );
    assert.equal(target.fake.items.size, 1);
  });
});

function paddingOf(): number {
  const sizes = onlyItem().files.map(({ content }) => content.length);
  return sizes.reduce((sum, size) => sum + ((512 - (size % 512)) % 512), 0);
}
