import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { diskIdOf, nameOf } from '../../../../src/providers/ovirt/marks.js';
import type { PushedImage } from '../../../../src/providers/types.js';
import { CLUSTER } from '../../../fakes/providers/ovirt/engine.js';
import { createOperation } from '../../../support/providers/operation.js';
import { type Bench, createBench, pushUntilDone } from '../../../support/providers/ovirt.js';
import { createDisk, createPushedImage } from '../../../support/providers/pushed-image.js';

const CONTENT = createDisk({ blocks: 4, blockSize: 65_536, data: [0, 3] });
const TEMPLATE = { template_cluster: CLUSTER.name };
const run = promisify(execFile);

describe('a push to oVirt', () => {
  let bench: Bench;
  let image: PushedImage;
  beforeEach(async () => {
    bench = await createBench();
    image = await createPushedImage(bench.folder, CONTENT);
  });
  afterEach(() => bench.close());

  it('leaves a disk with our marks, which is found again', async () => {
    const provider = await bench.connect();
    const operation = createOperation();
    assert.equal(await provider.find(operation, image), undefined);
    const uploaded = await provider.upload(operation, image);
    assert.equal(await provider.find(operation, image), undefined, 'an uploaded disk is not registered yet');
    const registered = await provider.register(operation, image, uploaded);
    const disk = bench.engine.state.disks.get(registered.id);
    assert.equal(
      disk?.description,
      `imagefactory_tool=imagefactory-nova imagefactory_image=${image.uuid} ` +
        `imagefactory_source=${image.file.sha512.slice(0, 32)} imagefactory_creator=test:1`,
    );
    assert.deepEqual([disk.status, disk.format, disk.sparse], ['ok', 'raw', true]);
    assert.deepEqual(bench.engine.imageio?.disks.get(registered.id)?.content, CONTENT);
    assert.match(uploaded.verifiedBy, /SHA-256/);
    const found = await provider.find(operation, image);
    assert.deepEqual(found, { ...registered, verifiedBy: 'compared when it was uploaded' });
    assert.equal(registered.location, `${bench.engine.url}/api/disks/${registered.id}`);
    assert.equal(await provider.find(operation, { ...image, uuid: randomUUID() }), undefined);
  });

  it('pushes a qcow2 as its guest sees it, with the space that it needs on block storage', async () => {
    const raw = join(bench.folder, 'source.raw');
    const qcow2 = join(bench.folder, 'source.qcow2');
    await writeFile(raw, CONTENT);
    await run('qemu-img', ['convert', '-c', '-O', 'qcow2', raw, qcow2]);
    const content = await readFile(qcow2);
    const pushed = await createPushedImage(bench.folder, content, { format: 'qcow2', virtualSize: CONTENT.length });
    const { registered } = await pushUntilDone(bench, pushed, { storage_domain: 'san' });
    assert.deepEqual(bench.engine.imageio?.disks.get(registered.id)?.content, CONTENT);
    const disk = bench.engine.state.disks.get(registered.id);
    assert.deepEqual([disk?.format, disk?.sparse], ['cow', true]);
    assert.ok((disk?.initial_size ?? 0) > CONTENT.length);
  });

  for (const [firmware, secureBoot, bios] of [
    ['bios', false, 'q35_sea_bios'],
    ['uefi', false, 'q35_ovmf'],
    ['uefi', true, 'q35_secure_boot'],
  ] as const) {
    it(`makes a template with ${bios}, and removes its virtual machine`, async () => {
      const { registered } = await pushUntilDone(bench, { ...image, firmware, secureBoot }, TEMPLATE);
      const { templates, vms, disks } = bench.engine.state;
      const template = templates.get(registered.id);
      assert.equal(template?.bios, bios);
      assert.equal(template.name, `debian-12-test-${image.uuid.slice(0, 8)}`);
      assert.deepEqual([...vms.keys()], []);
      assert.deepEqual([...disks.keys()], template.disks);
      const provider = await bench.connect(TEMPLATE);
      assert.equal((await provider.find(createOperation(), image))?.id, registered.id);
      assert.deepEqual(await provider.listStaging(createOperation()), []);
    });
  }

  it('deletes a disk and a template, twice, and nothing that is not ours or is in use', async () => {
    const provider = await bench.connect();
    const { registered: disk } = await pushUntilDone(bench, image);
    const { registered: template } = await pushUntilDone(bench, { ...image, uuid: randomUUID() }, TEMPLATE);
    const { disks, templates, vms } = bench.engine.state;
    const vm = { id: 'vm', name: 'web', description: '', comment: '', status: 'down', cluster: CLUSTER.id };
    vms.set('vm', { ...vm, disks: [disk.id], template: template.id });
    await assert.rejects(provider.delete(createOperation(), disk), { type: 'Conflict', message: /in use by web/ });
    await assert.rejects(provider.delete(createOperation(), template), { type: 'Conflict', message: /web/ });
    vms.clear();
    for (const own of [disk, template]) {
      const state = disks.get(own.id) ?? templates.get(own.id);
      const { description = '' } = state ?? {};
      Object.assign(state ?? {}, { description: 'mine now' });
      await assert.rejects(provider.delete(createOperation(), own), { type: 'Conflict', message: /it stays/ });
      Object.assign(state ?? {}, { description });
    }
    assert.deepEqual(await provider.delete(createOperation(), disk), [`disk ${disk.id}`]);
    assert.deepEqual(await provider.delete(createOperation(), disk), []);
    assert.deepEqual(await provider.delete(createOperation(), template), [`template ${template.id}`]);
    assert.deepEqual(await provider.delete(createOperation(), template), []);
    assert.equal(disks.size + templates.size, 0);
  });

  it('refuses what somebody else has under our id or our name', async () => {
    const { disks, templates, vms } = bench.engine.state;
    await pushUntilDone(bench, image);
    const disk = disks.get(diskIdOf(image));
    if (disk !== undefined) disk.description = 'mine';
    await assert.rejects(pushUntilDone(bench, image), { type: 'Conflict', message: /not of this push/ });
    const other = { ...image, uuid: randomUUID() };
    const foreign = { id: 'x', name: nameOf(other), description: '', comment: '', cluster: CLUSTER.id, disks: [] };
    templates.set('x', { ...foreign, status: 'ok' });
    await assert.rejects(pushUntilDone(bench, other, TEMPLATE), {
      type: 'Conflict',
      message: /a template .* not of this/,
    });
    templates.clear();
    vms.set('x', { ...foreign, status: 'up' });
    const failure = { type: 'Conflict', message: /a virtual machine .* not of this push/ };
    await assert.rejects(pushUntilDone(bench, other, TEMPLATE), failure);
    assert.equal(vms.get('x')?.status, 'up');
  });

  it('lists and removes what a dead push has left, at every stage, and nothing else', async () => {
    const provider = await bench.connect(TEMPLATE);
    const { registered: finished } = await pushUntilDone(bench, { ...image, uuid: randomUUID() });
    const { state, server, imageio } = bench.engine;
    for (const at of [/imagetransfers$/, /^\/images/, /finalize/, /vms$/, /diskattachments/, /templates$/]) {
      const dead = { ...image, uuid: randomUUID() };
      const remove = server.fail({ kind: 'status', status: 400, match: { method: 'POST', path: at }, times: Infinity });
      const cut = server.fail({ kind: 'status', status: 400, match: { method: 'PUT', path: at }, times: Infinity });
      await assert.rejects(pushUntilDone(bench, dead, TEMPLATE));
      remove();
      cut();
      const listed = await provider.listStaging(createOperation());
      assert.deepEqual(new Set(listed.map(({ uuid }) => uuid)), new Set([dead.uuid]), String(at));
      assert.deepEqual(await provider.removeStaging(createOperation(), randomUUID()), []);
      assert.ok((await provider.removeStaging(createOperation(), dead.uuid)).length > 0);
      assert.deepEqual(await provider.listStaging(createOperation()), [], String(at));
      assert.deepEqual([...state.disks.keys()], [finished.id]);
      assert.equal(state.vms.size + state.templates.size, 0);
      assert.equal(imageio?.tickets.size, 0);
    }
  });

  it('passes on what the engine says, with what to do', async () => {
    const { denied } = bench.engine;
    denied.add('create_disk');
    await assert.rejects(pushUntilDone(bench, image), { type: 'Forbidden', hint: /role/, message: /not authorized/ });
    denied.clear();
    bench.engine.available = 1000;
    await assert.rejects(pushUntilDone(bench, image), { type: 'QuotaExceeded', message: /Low disk space/ });
    await assert.rejects(pushUntilDone(bench, image, { storage_domain: 'none' }), {
      type: 'NotFound',
      hint: /data, san/,
    });
  });
});
