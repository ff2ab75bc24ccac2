import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import type { FaultKind } from '../../../fakes/openstack/core/faults.js';
import type { ProviderServer } from '../../../fakes/providers/provider-server.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import { KIB, PART, push, withFolder } from './harness.js';

const DISK = createDisk({ blocks: 3, blockSize: PART, data: [0, 2] }).subarray(0, 2 * PART + KIB);
/** More than the tries of one call within an attempt. */
const ALWAYS = 12;
const FAULTS: readonly { fault: FaultKind; times: number }[] = [
  { fault: { kind: 'reset-after' }, times: 1 },
  { fault: { kind: 'status', status: 500, message: '<html>proxy</html>' }, times: 1 },
  { fault: { kind: 'reset-after' }, times: ALWAYS },
];

/** A fake in which images are put. */
interface Target {
  server: ProviderServer;
  connect(): Promise<Provider>;
  /** The names and bytes of what is there, without unfinished uploads. */
  files(): Map<string, Buffer>;
  unfinished(): number;
}

type Open = () => Promise<Target>;

async function withTarget(open: Open, work: (target: Target, image: PushedImage) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const target = await open();
    try {
      await work(target, await createPushedImage(folder, DISK, { fileName: 'disk.raw' }));
    } finally {
      target.server.close();
    }
  });
}

/** Runs one attempt. @returns whether it succeeded; a failure must be one that Temporal tries again */
async function attempt(target: Target, work: (provider: Provider) => Promise<unknown>): Promise<boolean> {
  const provider = await target.connect();
  try {
    await work(provider);
    return true;
  } catch (error) {
    assert.ok(error instanceof FactoryError && error.retryable, String(error));
    return false;
  } finally {
    await provider.close();
  }
}

/** Breaks one call, and repeats the work as Temporal does when the attempt has failed. */
async function withFault(
  target: Target,
  { fault, times }: (typeof FAULTS)[number],
  after: number,
  work: (provider: Provider) => Promise<unknown>,
): Promise<void> {
  const heal = target.server.fail({ ...fault, match: {}, after, times });
  const isDone = await attempt(target, work);
  assert.ok(isDone || times > 1, `a fault at call ${after} passes within the attempt`);
  heal();
  if (!isDone) assert.ok(await attempt(target, work));
}

function assertPushedOnce(target: Target, image: PushedImage): void {
  const files = target.files();
  const expected = ['SHA256SUMS', 'disk.raw', 'image.json'].map((file) => `${image.uuid}/${file}`);
  assert.deepEqual([...files.keys()].sort(), [...expected, 'index.json'].sort());
  const digest = createHash('sha512').update(files.get(`${image.uuid}/disk.raw`) ?? '');
  assert.equal(digest.digest('hex'), image.file.sha512);
  const index = JSON.parse(files.get('index.json')?.toString() ?? '') as { images: { uuid: string }[] };
  assert.deepEqual(
    index.images.map(({ uuid }) => uuid),
    [image.uuid],
  );
}

async function countCalls(open: Open): Promise<{ push: number; remove: number }> {
  const counts = { push: 0, remove: 0 };
  await withTarget(open, async (target, image) => {
    const provider = await target.connect();
    const registered = await push(provider, createOperation(), image);
    counts.push = target.server.log.count();
    await provider.delete(createOperation(), registered);
    counts.remove = target.server.log.count() - counts.push;
  });
  return counts;
}

/** Declares the tests of every fault at every call of a push, and of a lost reply at every call of a deletion. */
export function describeFaults(name: string, open: Open): void {
  for (const entry of FAULTS) {
    const { fault, times } = entry;
    const words = fault.kind === 'status' ? `status ${fault.status}` : fault.kind;
    describe(`${words} of a ${name}, ${times === 1 ? 'once' : 'until the attempt fails'}`, () => {
      it('at any call of a push: the image is there once, with its bytes, and nothing else remains', async () => {
        const { push: calls } = await countCalls(open);
        assert.ok(calls > 8);
        for (let after = 0; after < calls; after++) {
          await withTarget(open, async (target, image) => {
            await withFault(target, entry, after, (provider) => push(provider, createOperation(), image));
            await attempt(target, (provider) => provider.removeStaging(createOperation(), image.uuid));
            assertPushedOnce(target, image);
            assert.equal(target.unfinished(), 0);
          });
        }
      });

      if (fault.kind !== 'reset-after') return;
      it('at any call of a deletion: nothing remains but an empty index', async () => {
        const { remove: calls } = await countCalls(open);
        for (let after = 0; after < calls; after++) {
          await withTarget(open, async (target, image) => {
            const registered = await push(await target.connect(), createOperation(), image);
            await withFault(target, entry, after, (provider) => provider.delete(createOperation(), registered));
            assert.deepEqual([...target.files().keys()], ['index.json']);
            assert.deepEqual(JSON.parse(target.files().get('index.json')?.toString() ?? ''), { images: [] });
          });
        }
      });
    });
  }
}
