import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import type { FakeAzure } from '../../../fakes/providers/azure/azure-server.js';
import { createOperation } from '../../../support/providers/operation.js';
import { connect, makeFolder, makeImage, push, startAzure } from './pushes.js';

const folder = makeFolder();
/** Attempts of a step, as Temporal makes them: each with a new operation. */
const ATTEMPTS = 3;

const LOST_REPLY: FaultKind = { kind: 'reset-after' };
const KINDS: FaultKind[] = [
  LOST_REPLY,
  { kind: 'reset-before' },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 429 },
];

async function repeat<T>(step: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof FactoryError) || !error.retryable || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Pushes an image, and checks that it is there once and that nothing else is. */
async function pushAndClean(azure: FakeAzure, provider: Provider, image: PushedImage): Promise<void> {
  const registered = await repeat(() => push(provider, createOperation(), image));
  await repeat(() => provider.removeStaging(createOperation(), image.uuid));
  const made = azure.manager.find(/\/versions\/|Compute\/images\//);
  assert.deepEqual(
    made.map(({ id }) => id),
    [registered.id],
  );
  assert.ok(made[0]?.content?.equals(readFileSync(image.file.path)), 'the bytes of the image');
  assert.equal(azure.manager.made, 1, 'images that Azure began to make');
  assert.equal(azure.blobs.blobs.size, 0, 'blobs that are left');
}

for (const [title, change, kinds] of [
  ['an image version', {}, KINDS],
  ['a managed image', { gallery: undefined }, [LOST_REPLY]],
] as const) {
  describe(`a fault at each call of the push of ${title}`, async () => {
    const image = await makeImage(folder, { blocks: 1, data: [0] });
    const azure = await startAzure();
    await pushAndClean(azure, await connect(azure, change), image);
    const calls = azure.server.log.list();
    for (const fault of kinds) {
      const name = fault.kind === 'status' ? `${fault.kind} ${fault.status}` : fault.kind;
      it(`leaves one image with ${name}`, async () => {
        const met = new Set<number>();
        for (const index of calls.keys()) {
          const faulty = await startAzure();
          faulty.server.fail({ ...fault, match: {}, after: index });
          await pushAndClean(faulty, await connect(faulty, change), image);
          if (faulty.server.log.list().some((call) => call.fault !== undefined)) met.add(index);
          faulty.server.close();
        }
        assert.equal(met.size, calls.length);
      });
    }
  });
}
