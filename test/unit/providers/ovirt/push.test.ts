import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CLUSTER } from '../../../fakes/providers/ovirt/engine.js';
import { createOperation } from '../../../support/providers/operation.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';
import { type Bench, createBench } from '../../../support/providers/ovirt.js';

const MIB = 1024 ** 2;
const CONTENT = createDisk({ blocks: 20, blockSize: MIB, data: [0, 1, 2, 9, 17] });

describe('a push to oVirt', () => {
  let bench: Bench;
  beforeEach(async () => (bench = await createBench()));
  it('uploads a raw image, without its holes, and leaves a disk with our marks', async () => {
    const image = await createPushedImage(bench.folder, CONTENT);
    const provider = await bench.connect();
    const operation = createOperation();
    assert.equal(await provider.find(operation, image), undefined);
    const uploaded = await provider.upload(operation, image);
    const registered = await provider.register(operation, image, uploaded);
    const disk = bench.engine.state.disks.get(registered.id);
    assert.equal(disk?.status, 'ok');
    assert.equal(
      disk.description,
      `imagefactory_tool=imagefactory-nova imagefactory_image=${image.uuid} ` +
        `imagefactory_source=${image.file.sha512.slice(0, 32)} imagefactory_creator=test:1`,
    );
    assert.deepEqual(bench.engine.imageio?.disks.get(registered.id)?.content, CONTENT);
    assert.equal(uploaded.sent, 3 * 4 * MIB);
    assert.match(uploaded.verifiedBy, /SHA-256/);
    assert.deepEqual(await provider.find(operation, image), { ...registered, verifiedBy: 'compared when it was uploaded' });
    assert.deepEqual(await provider.removeStaging(operation, image.uuid), []);
    await bench.close();
  });
  it('makes a template', async () => {
    const image = await createPushedImage(bench.folder, CONTENT, { firmware: 'uefi' });
    const provider = await bench.connect({ template_cluster: CLUSTER.name });
    const operation = createOperation();
    const uploaded = await provider.upload(operation, image);
    const registered = await provider.register(operation, image, uploaded);
    assert.equal(bench.engine.state.templates.get(registered.id)?.status, 'ok');
    await bench.close();
  });
});
