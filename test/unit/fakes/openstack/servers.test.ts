import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CloudFixture } from './cloud-fixture.js';

describe('servers of the fake cloud', () => {
  let fixture: CloudFixture;
  before(async () => (fixture = await CloudFixture.start({ guests: false, durations: { install: 30 } })));
  after(() => fixture.close());

  it('install from a kernel, print on the console, and power off', async () => {
    const { fake, cloud } = fixture;
    const forget = fake.behaviours.add({ installer: 'never-off', times: 1 });
    const stays = await fixture.createServer((await fixture.createInstallerImage()).id, {
      user_data: Buffer.from('script').toString('base64'),
    });
    await fixture.waitForServer(stays, 'ACTIVE');
    forget();
    await fixture.waitFor(
      () => cloud.compute.getConsoleOutput(stays),
      (text) => text.includes('Press Enter'),
    );
    assert.match(await cloud.compute.getConsoleOutput(stays), /Command line: console=ttyS0\n[^]*6 bytes of user data/);
    const leaves = await fixture.createServer((await fixture.createInstallerImage()).id);
    await fixture.waitForServer(leaves, 'SHUTOFF');
    assert.equal((await cloud.compute.getServer(stays))?.status, 'ACTIVE');
  });

  it('have no console when they are off, as with libvirt', async () => {
    const id = await fixture.createServer((await fixture.createInstallerImage()).id);
    await fixture.waitForServer(id, 'SHUTOFF');
    assert.equal(await fixture.cloud.compute.getConsoleOutput(id), '');
  });

  it('pass the properties of their image on to a snapshot', async () => {
    const image = await fixture.createInstallerImage();
    const id = await fixture.createServer(image.id);
    await fixture.waitForServer(id, 'SHUTOFF');
    const snapshot = await fixture.createSnapshot(id);
    assert.equal(snapshot['kernel_id'], image['kernel_id']);
    assert.equal(snapshot['instance_uuid'], id);
    assert.ok((snapshot.size ?? 0) > 0);
  });

  it('fail, hang and disappear as a test configures', async () => {
    const { fake, cloud } = fixture;
    const image = await fixture.createImage();
    fake.behaviours.add({ match: { name: /^bad$/ }, create: 'error' });
    fake.behaviours.add({ match: { name: /^stuck$/ }, create: 'stuck' });
    fake.behaviours.add({ match: { name: /^stolen$/ }, deletedAfter: 60 });
    const [bad, stuck, stolen] = await Promise.all(
      ['bad', 'stuck', 'stolen'].map((name) => fixture.createServer(image.id, { name })),
    );
    assert.ok(bad !== undefined && stuck !== undefined && stolen !== undefined);
    assert.equal(
      (await fixture.waitForServer(bad, 'ERROR')).fault?.message,
      'No valid host was found. There are not enough hosts available.',
    );
    await fixture.waitForDeletion(stolen);
    assert.equal((await cloud.compute.getServer(stuck))?.status, 'BUILD');
  });

  it('create snapshots that fail or stay empty as a test configures', async () => {
    const { fake, cloud } = fixture;
    const id = await fixture.createServer((await fixture.createImage()).id);
    await fixture.waitForServer(id, 'ACTIVE');
    fake.behaviours.add({ snapshot: 'killed', times: 1 });
    const killed = await cloud.compute.createServerImage(id, 'killed', {});
    await fixture.waitFor(
      () => cloud.image.getImage(killed),
      (image) => image?.status === 'killed',
    );
    await fixture.waitForServer(id, 'ACTIVE');
    fake.behaviours.add({ snapshot: 'empty', times: 1 });
    assert.equal((await fixture.createSnapshot(id)).size, 0);
  });

  it('count against the quotas, and are leftovers until they are deleted', async () => {
    const { fake } = fixture;
    for (const { id } of fake.leftovers().filter(({ kind }) => kind === 'server')) {
      fake.deleteServer(id);
      await fixture.waitForDeletion(id);
    }
    fake.state.quotas.instances = 1;
    const image = await fixture.createImage();
    const id = await fixture.createServer(image.id, { name: 'one', tags: ['a=b'] });
    await assert.rejects(
      fixture.createServer(image.id),
      /Quota exceeded for instances: Requested 1, but already used 1 of 1 instances/,
    );
    const kinds = fake.leftovers().filter(({ kind }) => kind === 'server' || kind === 'port');
    assert.deepEqual(kinds.map(({ kind, tags }) => [kind, tags]), [['server', ['a=b']], ['port', []]]); // prettier-ignore
    await fixture.cloud.compute.deleteServer(id);
    await fixture.waitForDeletion(id);
    assert.deepEqual(fake.leftovers().filter(({ kind }) => kind !== 'image'), []); // prettier-ignore
    fake.state.quotas.instances = -1;
  });
});
