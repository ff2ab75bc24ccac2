import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { describe as describeMarks, diskIdOf } from '../../../../src/providers/ovirt/marks.js';
import type { Provider, PushedImage } from '../../../../src/providers/types.js';
import { CLUSTER } from '../../../fakes/providers/ovirt/engine.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';

const CONTENT = createDisk({ blocks: 4, blockSize: 65_536, data: [0, 3] });
const TEMPLATE = { template_cluster: CLUSTER.name };

describe('what a push to oVirt leaves', () => {
  let bench: Bench;
  let image: PushedImage;
  let provider: Provider;
  beforeEach(async () => {
    bench = await createBench();
    image = await createPushedImage(bench.folder, CONTENT);
    provider = await bench.connect(TEMPLATE);
  });
  afterEach(() => bench.close());

  /** Pushes a template until a message is reported, as a worker that dies then. */
  async function dieAt(message: RegExp): Promise<void> {
    const stop = new AbortController();
    const onReport = (report: { message: string }): void => {
      if (message.test(report.message)) stop.abort(new Error('killed'));
    };
    const operation = createOperation({ signal: stop.signal, onReport });
    const uploaded = await provider.upload(createOperation(), image);
    await assert.rejects(provider.register(operation, image, uploaded), /killed/);
  }

  function countAll(): number {
    const { disks, vms, templates } = bench.engine.state;
    return disks.size + vms.size + templates.size;
  }

  for (const [when, message] of [
    ['while the template is locked', /makes the template/],
    ['while the virtual machine is removed', /removes the virtual machine/],
  ] as const) {
    it(`finds and removes a template whose push has died ${when}`, async () => {
      await dieAt(message);
      assert.equal(bench.engine.state.templates.size, 1);
      assert.equal(await provider.find(createOperation(), image), undefined);
      const listed = await provider.listStaging(createOperation());
      assert.ok(listed.some(({ kind }) => kind === 'template'));
      for (const { createdAt = 0 } of listed) assert.ok(Math.abs(Date.now() - createdAt) < 60_000);
      await provider.removeStaging(createOperation(), image.uuid);
      assert.equal(countAll(), 0);
    });

    it(`goes on when a push has died ${when}`, async () => {
      await dieAt(message);
      const { registered } = await pushUntilDone(bench, image, TEMPLATE);
      const template = bench.engine.state.templates.get(registered.id);
      assert.doesNotMatch(template?.description ?? '', /stage|begun/);
      assert.deepEqual(await provider.listStaging(createOperation()), []);
      assert.equal(countAll(), 2);
    });
  }

  it('makes an illegal template again', async () => {
    bench.engine.state.mishaps = { template: 'illegal' };
    await assert.rejects(pushUntilDone(bench, image, TEMPLATE), { type: 'ImageFailed', retryable: false });
    const { registered } = await pushUntilDone(bench, image, TEMPLATE);
    assert.deepEqual([...bench.engine.state.templates.keys()], [registered.id]);
    assert.equal(bench.engine.state.templates.get(registered.id)?.status, 'ok');
  });

  it('removes what is finished only when the image is given up', async () => {
    for (const configuration of [{}, TEMPLATE]) {
      await pushUntilDone(bench, image, configuration);
      assert.deepEqual(await provider.removeStaging(createOperation(), image.uuid), []);
      assert.equal((await provider.removeStaging(createOperation(), image.uuid, { everything: true })).length, 1);
      assert.equal(countAll(), 0);
    }
  });

  it('asks for a deletion again that has failed, and says at last that it fails', async () => {
    const { registered } = await pushUntilDone(bench, image);
    bench.engine.state.mishaps = { losesDeletions: 3 };
    await assert.rejects(provider.delete(createOperation(), registered), {
      type: 'ImageFailed',
      message: /does not remove disks\/.* it is ok/,
    });
    bench.engine.state.mishaps = { losesDeletions: 1 };
    assert.equal((await provider.delete(createOperation(), registered)).length, 1);
    assert.equal(countAll(), 0);
  });

  it('writes a description again that was not written, and says at last that it fails', async () => {
    bench.engine.state.mishaps = { losesUpdates: 3 };
    await assert.rejects(provider.upload(createOperation(), image), {
      type: 'CloudUnavailable',
      message: /does not change the description/,
    });
    bench.engine.state.mishaps = { losesUpdates: 1 };
    assert.deepEqual((await pushUntilDone(bench, image)).failures, []);
  });

  for (const configuration of [{}, TEMPLATE]) {
    it(`says at once that the upload is gone, ${JSON.stringify(configuration)}`, async () => {
      const own = await bench.connect(configuration);
      const uploaded = await own.upload(createOperation(), image);
      bench.engine.state.disks.delete(diskIdOf(image));
      await assert.rejects(own.register(createOperation(), image, uploaded), {
        type: 'NotFound',
        retryable: false,
        hint: /resume .* uploads it again/,
      });
    });
  }

  it('has room for all marks in the description of a template', () => {
    assert.ok(describeMarks(image, 'w'.repeat(100), 'template').length <= 255);
    assert.ok(describeMarks(image, 'w'.repeat(100)).length <= 255);
  });

  it('sends nothing to a host without TLS', async () => {
    // The engine's proxy, which the fake names too, is taken instead.
    bench.engine.hostUrl = 'http://host.example/images/ticket';
    await provider.upload(createOperation(), image);
    bench.engine.hostUrl = 'http://127.0.0.1:1@host.example/images/ticket';
    bench.engine.proxyUrl = 'http://proxy.example/images/ticket';
    const other = await createPushedImage(bench.folder, CONTENT);
    await assert.rejects(provider.upload(createOperation(), { ...other, uuid: crypto.randomUUID() }), {
      type: 'InvalidParameter',
      message: /not https/,
    });
  });
});
