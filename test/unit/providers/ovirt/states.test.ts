import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { PushedImage } from '../../../../src/providers/types.js';
import { CLUSTER } from '../../../fakes/providers/ovirt/engine.js';
import type { Mishaps } from '../../../fakes/providers/ovirt/state.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';

const CONTENT = createDisk({ blocks: 4, blockSize: 65_536, data: [0, 3] });
const TEMPLATE = { template_cluster: CLUSTER.name };

describe('what becomes of things in oVirt during a push', () => {
  let bench: Bench;
  let file: PushedImage;
  before(async () => {
    bench = await createBench();
    file = await createPushedImage(bench.folder, CONTENT);
  });
  after(() => bench.close());

  /** Pushes while something goes wrong in the engine. */
  function push(mishaps: Mishaps, configuration = {}): ReturnType<typeof pushUntilDone> {
    bench.engine.state.mishaps = mishaps;
    return pushUntilDone(bench, { ...file, uuid: randomUUID() }, configuration);
  }

  for (const [what, mishaps, configuration, message] of [
    ['the disk is illegal', { disk: 'illegal' }, {}, /the disk .* is illegal/],
    ['the engine refuses the uploaded disk', { finalize: 'finalizing_failure' }, {}, /is finalizing_failure/],
    ['the template is illegal', { template: 'illegal' }, TEMPLATE, /the template .* is illegal/],
    ['the virtual machine is not down', { vm: 'unknown' }, TEMPLATE, /the virtual machine .* is unknown/],
  ] as const) {
    it(`fails at once when ${what}, and leaves nothing after the clean-up`, async () => {
      bench.engine.state.mishaps = { ...mishaps };
      const image = { ...file, uuid: randomUUID() };
      await assert.rejects(pushUntilDone(bench, image, configuration), {
        type: 'ImageFailed',
        retryable: false,
        message,
      });
      const provider = await bench.connect();
      await provider.removeStaging(createOperation(), image.uuid);
      const { disks, templates, vms } = bench.engine.state;
      const left = [...disks.values(), ...templates.values(), ...vms.values()];
      assert.deepEqual(
        left.filter(({ description }) => description.includes(image.uuid)),
        [],
      );
      assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
    });
  }

  for (const [what, mishaps, configuration, message] of [
    ['the engine removes the new disk', { disk: 'gone' }, {}, /has removed the disk/],
    ['somebody cancels the transfer', { open: 'cancelled_user' }, {}, /is (cancelled_user|finalizing_cleanup)/],
    ['the engine cancels the transfer', { open: 'cancelled_system' }, {}, /is (cancelled_system|finalizing_failure)/],
    ['the engine pauses the transfer again', { open: 'paused_system', resume: 'paused_system' }, {}, /paused_system/],
    ['the engine pauses the transfer at its end', { finalize: 'paused_system' }, {}, /paused_system/],
    ['the engine removes the new template', { template: 'gone' }, TEMPLATE, /has removed the template/],
  ] as const) {
    it(`tries again when ${what}`, async () => {
      const { registered, failures } = await push({ ...mishaps }, configuration);
      assert.match(failures[0]?.message ?? 'no failure', message);
      const id = bench.engine.state.templates.get(registered.id)?.disks[0] ?? registered.id;
      assert.deepEqual(bench.engine.imageio?.disks.get(id)?.content, CONTENT);
    });
  }

  it('waits while a user has paused the transfer', async () => {
    bench.engine.state.mishaps = { open: 'paused_user' };
    const operation = createOperation({
      onReport: ({ message }) => {
        if (!message.includes('paused in oVirt')) return;
        for (const transfer of bench.engine.state.transfers.values()) {
          if (transfer.phase === 'paused_user') transfer.phase = 'resuming';
        }
      },
    });
    const provider = await bench.connect();
    assert.equal((await provider.upload(operation, { ...file, uuid: randomUUID() })).sent, CONTENT.length);
    assert.ok(operation.progress.some(({ message }) => message.includes('resume it there')));
  });

  it('asks the disk how it went when the engine forgets ended transfers', async () => {
    bench.engine.forgetsTransfers = true;
    const { registered, failures } = await push({});
    assert.deepEqual(failures, []);
    assert.equal(bench.engine.state.disks.get(registered.id)?.status, 'ok');
    await assert.rejects(push({ finalize: 'finished_failure' }), { type: 'ImageFailed', message: /disk is undefined/ });
    bench.engine.forgetsTransfers = false;
  });

  it('signs in again when the session has expired', async () => {
    const provider = await bench.connect();
    await provider.listStaging(createOperation());
    bench.engine.tokens.clear();
    await provider.listStaging(createOperation());
    assert.equal(bench.engine.tokens.size, 1);
    await provider.close();
    assert.equal(bench.engine.tokens.size, 0);
  });
});
