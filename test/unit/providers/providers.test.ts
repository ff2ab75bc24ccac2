import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Providers } from '../../../src/providers/providers.js';

describe('the providers of a worker', () => {
  const providers = new Providers({ eu: { kind: 'glance', cloud: 'eu' }, us: { kind: 'glance', cloud: 'us' } }, {});

  it('are known by name, and their kind without a connection', () => {
    assert.deepEqual(providers.names(), ['eu', 'us']);
    assert.equal(providers.kindOf({ name: 'eu' }), 'glance');
    assert.equal(providers.kindOf({ name: 'file.json', definition: { kind: 'glance', cloud: 'x' } }), 'glance');
  });

  it('name each other when one is unknown', () => {
    assert.throws(() => providers.kindOf({ name: 'ue' }), /the workers have no provider "ue"/);
    assert.throws(() => providers.kindOf({ name: 'constructor' }), /the workers have no provider/);
  });

  it('are checked when the worker starts', async () => {
    await providers.check();
    const wrong = async (entry: Record<string, unknown>, message: RegExp): Promise<void> => {
      await assert.rejects(() => new Providers({ eu: entry }, {}).check(), message);
    };
    await wrong({ kind: 'glanze' }, /provider eu: kind "glanze" is no kind of provider/);
    await wrong({ kind: 'glance' }, /provider eu: cloud: /);
    await wrong({ kind: 'glance', cloud: 'eu', visibilty: 'public' }, /provider eu: .*visibilty/);
  });

  it('say what is wrong when one cannot be connected, and try again', async () => {
    const use = (): Promise<unknown> => providers.use({ name: 'eu' }, async () => undefined);
    await assert.rejects(use, /there is no cloud eu/);
    await assert.rejects(use, /there is no cloud eu/);
    await providers.close();
  });
});
