import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Scene } from './support.js';

describe('servers of the fake cloud', () => {
  let scene: Scene;
  before(async () => (scene = await Scene.start({ guests: false, durations: { install: 30 } })));
  after(() => scene.close());

  it('install from a kernel, print what they do, and switch themselves off', async () => {
    const { fake, cloud } = scene;
    const forget = fake.behaviours.add({ installer: 'never-off', times: 1 });
    const stays = await scene.server((await scene.installerImage()).id, {
      user_data: Buffer.from('script').toString('base64'),
    });
    await scene.reaches(stays, 'ACTIVE');
    forget();
    await scene.until(
      () => cloud.compute.getConsoleOutput(stays),
      (text) => text.includes('Press Enter'),
    );
    assert.match(await cloud.compute.getConsoleOutput(stays), /Command line: console=ttyS0\n[^]*6 bytes of user data/);
    const leaves = await scene.server((await scene.installerImage()).id);
    await scene.reaches(leaves, 'SHUTOFF');
    assert.equal((await cloud.compute.getServer(stays))?.status, 'ACTIVE');
  });

  it('give no console once they are off, as under libvirt', async () => {
    const id = await scene.server((await scene.installerImage()).id);
    await scene.reaches(id, 'SHUTOFF');
    assert.equal(await scene.cloud.compute.getConsoleOutput(id), '');
  });

  it('hand the properties of their image down to a snapshot', async () => {
    const image = await scene.installerImage();
    const id = await scene.server(image.id);
    await scene.reaches(id, 'SHUTOFF');
    const snapshot = await scene.snapshot(id);
    assert.equal(snapshot['kernel_id'], image['kernel_id']);
    assert.equal(snapshot['instance_uuid'], id);
    assert.ok((snapshot.size ?? 0) > 0);
  });

  it('fail, hang and vanish as a test wants', async () => {
    const { fake, cloud } = scene;
    const image = await scene.image();
    fake.behaviours.add({ match: { name: /^bad$/ }, create: 'error' });
    fake.behaviours.add({ match: { name: /^stuck$/ }, create: 'stuck' });
    fake.behaviours.add({ match: { name: /^stolen$/ }, deletedAfter: 60 });
    const [bad, stuck, stolen] = await Promise.all(
      ['bad', 'stuck', 'stolen'].map((name) => scene.server(image.id, { name })),
    );
    assert.ok(bad !== undefined && stuck !== undefined && stolen !== undefined);
    assert.equal(
      (await scene.reaches(bad, 'ERROR')).fault?.message,
      'No valid host was found. There are not enough hosts available.',
    );
    await scene.gone(stolen);
    assert.equal((await cloud.compute.getServer(stuck))?.status, 'BUILD');
  });

  it('make snapshots that die or stay empty as a test wants', async () => {
    const { fake, cloud } = scene;
    const id = await scene.server((await scene.image()).id);
    await scene.reaches(id, 'ACTIVE');
    fake.behaviours.add({ snapshot: 'killed', times: 1 });
    const killed = await cloud.compute.createServerImage(id, 'killed', {});
    await scene.until(
      () => cloud.image.getImage(killed),
      (image) => image?.status === 'killed',
    );
    await scene.reaches(id, 'ACTIVE');
    fake.behaviours.add({ snapshot: 'empty', times: 1 });
    assert.equal((await scene.snapshot(id)).size, 0);
  });

  it('count against the quotas, and are told as leftovers until they are gone', async () => {
    const { fake } = scene;
    for (const { id } of fake.leftovers().filter(({ kind }) => kind === 'server')) {
      fake.deleteServer(id);
      await scene.gone(id);
    }
    fake.state.quotas.instances = 1;
    const image = await scene.image();
    const id = await scene.server(image.id, { name: 'one', tags: ['a=b'] });
    await assert.rejects(
      scene.server(image.id),
      /Quota exceeded for instances: Requested 1, but already used 1 of 1 instances/,
    );
    const kinds = fake.leftovers().filter(({ kind }) => kind === 'server' || kind === 'port');
    assert.deepEqual(kinds.map(({ kind, tags }) => [kind, tags]), [['server', ['a=b']], ['port', []]]); // prettier-ignore
    await scene.cloud.compute.deleteServer(id);
    await scene.gone(id);
    assert.deepEqual(fake.leftovers().filter(({ kind }) => kind !== 'image'), []); // prettier-ignore
    fake.state.quotas.instances = -1;
  });
});
