import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import type { RegistryTraits } from '../../../fakes/providers/registry/fake-registry.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createPushedImage } from '../../../support/providers/pushed-image.js';
import { push, RegistrySetup } from './setup.js';

const LOST_REPLY: readonly [string, FaultKind] = ['a lost reply', { kind: 'reset-after' }];
const TABLE: readonly {
  registry: string;
  traits: RegistryTraits;
  faults: readonly (readonly [string, FaultKind])[];
}[] = [
  {
    registry: 'that lists referrers',
    traits: {},
    faults: [
      LOST_REPLY,
      ['a connection that is cut before the call', { kind: 'reset-before' }],
      ['an error 503', { kind: 'status', status: 503 }],
      ['too many requests', { kind: 'status', status: 429 }],
    ],
  },
  {
    registry: 'that forgets uploads, without a list of referrers',
    traits: { parts: 'forgets', referrers: false },
    faults: [LOST_REPLY],
  },
];
/** Attempts of a step that Temporal makes in this test. */
const ATTEMPTS = 4;

describe('a push to a registry at which every call fails once', () => {
  let setup: RegistrySetup;
  afterEach(() => setup.close());

  for (const { registry, traits, faults } of TABLE) {
    for (const [name, fault] of faults) {
      it(`makes exactly one image in spite of ${name}, in a registry ${registry}`, async () => {
        setup = await RegistrySetup.create(traits);
        const provider = await setup.connect({ tags: ['latest'] });
        const calls = await countCalls(provider);
        assert.ok(calls > 15, String(calls));
        for (let call = 0; call < calls; call++) {
          const image = await createPushedImage(setup.folder, randomBytes(1500), documents());
          const { notes } = createOperation();
          const remove = setup.registry.server.fail({ ...fault, match: {}, after: call });
          await pushWithAttempts(provider, image, notes.texts);
          remove();
          await assertOneImage(provider, image, notes.texts, call);
        }
      });
    }
  }

  it('deletes all in spite of lost replies', async () => {
    setup = await RegistrySetup.create({ referrers: false });
    const provider = await setup.connect();
    for (let call = 0; call < 10; call++) {
      const image = await setup.createDisk(documents());
      const { registered } = await push(provider, image);
      const remove = setup.registry.server.fail({ kind: 'reset-after', match: {}, after: call });
      await attempt(() => provider.delete(createOperation(), registered));
      remove();
      assert.equal(setup.repository.manifests.size, 0, `after a fault of call ${call}`);
    }
  });

  /** Documents of their own, so that no blob is there already. */
  function documents(): { documents: PushedImage['documents'] } {
    return { documents: { record: randomBytes(10).toString('hex') } };
  }

  async function countCalls(provider: Provider): Promise<number> {
    const image = await createPushedImage(setup.folder, randomBytes(1500), documents());
    const before = setup.registry.server.log.count();
    await push(provider, image);
    return setup.registry.server.log.count() - before;
  }

  async function pushWithAttempts(provider: Provider, image: PushedImage, notes: Map<string, string>): Promise<void> {
    const uploaded = await attempt(() => provider.upload(createOperation({ notes }), image));
    await attempt(() => provider.register(createOperation({ notes }), image, uploaded));
  }

  async function assertOneImage(
    provider: Provider,
    image: PushedImage,
    notes: Map<string, string>,
    call: number,
  ): Promise<void> {
    const { tags, blobs, manifests } = setup.repository;
    const when = `after a fault of call ${call}`;
    assert.deepEqual(blobs.get(`sha256:${image.file.sha256}`)?.length, image.file.size, when);
    assert.equal(tags.get('latest'), tags.get(image.uuid), when);
    const mine = [...manifests.keys()].filter(
      (digest) => setup.manifest(digest).annotations?.['imagefactory_image'] === image.uuid,
    );
    assert.equal(mine.length, 2, when);
    await provider.removeStaging(createOperation({ notes }), image.uuid);
    assert.notEqual(await provider.find(createOperation(), image), undefined, when);
    // The reply to the call that begins an upload names it: where that was lost, the registry removes it in the end.
    assert.ok(setup.registry.uploads.size <= 1, when);
    setup.registry.uploads.clear();
  }
});

/** Tries as Temporal does: again after an error that passes. */
async function attempt<T>(step: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof FactoryError) || !error.retryable || tries === ATTEMPTS) throw error;
    }
  }
}
