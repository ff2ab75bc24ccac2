import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { FactoryError } from '../../../../src/domain/errors.js';
import { connectCloud } from '../../../../src/openstack/index.js';
import type { CloudSettings } from '../../../../src/openstack/config/cloud-settings.js';
import { type Reply, type Seen, serveCloud, settingsFor } from '../local-service.js';

async function cinder(reply: (seen: Seen) => Reply, change: Partial<CloudSettings> = {}) {
  const service = await serveCloud(reply);
  const cloud = connectCloud(settingsFor(service.origin, change));
  after(() => cloud.close());
  return { volume: cloud.volume, seen: service.seen };
}

const VOLUME = {
  id: 'v',
  name: 'disk',
  status: 'available',
  size: 4,
  bootable: 'true',
  metadata: { a: 'b', c: 'd' },
  attachments: [],
  volume_type: 'fast',
  created_at: '2026-01-01T00:00:00.000000',
};
const IN_STATE = { status: 400, json: { badRequest: { message: 'Invalid volume: Volume status must be available' } } };

function sent({ body }: Seen = { method: '', path: '', headers: {}, body: 'null' }): unknown {
  return JSON.parse(body);
}

describe('Cinder', () => {
  it('is called with the project in the path, and with the microversion that the call needs', async () => {
    const { volume, seen } = await cinder(() => ({ json: { volume: VOLUME } }));
    assert.deepEqual(await volume.getVolume('a/b'), { ...VOLUME, bootable: true });
    assert.equal(seen.at(-1)?.path, '/v3/project-1/volumes/a%2Fb');
    assert.equal(seen.at(-1)?.headers['openstack-api-version'], 'volume 3.1');
  });

  it('returns undefined for a volume that does not exist', async () => {
    const { volume } = await cinder(() => ({
      status: 404,
      json: { itemNotFound: { message: 'Volume v not found.' } },
    }));
    assert.equal(await volume.getVolume('v'), undefined);
  });

  it('is available when the catalogue has it', async () => {
    assert.equal(await (await cinder(() => ({}))).volume.isAvailable(), true);
    const elsewhere = await cinder(() => ({}), { region: 'two' });
    assert.equal(await elsewhere.volume.isAvailable(), false);
    await assert.rejects(elsewhere.volume.listVolumes(), /no public endpoint of type block-storage in region two/);
  });

  it('lists volumes by name and metadata, also when Cinder ignores a filter', async () => {
    const { volume, seen } = await cinder(() => ({
      json: {
        volumes: [
          VOLUME,
          { ...VOLUME, id: 'w', metadata: { a: 'b' } },
          { ...VOLUME, id: 'x', name: 'other' },
          { ...VOLUME, id: 'y', name: null },
        ],
      },
    }));
    const found = await volume.listVolumes({ name: 'disk', metadata: { a: 'b', c: 'd' } });
    assert.deepEqual(
      found.map(({ id }) => id),
      ['v'],
    );
    const { pathname, searchParams } = new URL(seen.at(-1)?.path ?? '', 'http://x');
    assert.equal(pathname, '/v3/project-1/volumes/detail');
    assert.deepEqual([...searchParams], [['name', 'disk'], ['metadata', '{"a":"b","c":"d"}']]); // prettier-ignore
    assert.equal((await volume.listVolumes()).length, 4);
    assert.equal(seen.at(-1)?.path, '/v3/project-1/volumes/detail');
  });

  it('lists all pages', async () => {
    const { volume } = await cinder(({ path }) =>
      path.includes('marker')
        ? { json: { volumes: [{ ...VOLUME, id: 'w' }] } }
        : { json: { volumes: [VOLUME], volumes_links: [{ rel: 'next', href: 'http://x/v3/volumes?marker=v' }] } },
    );
    assert.deepEqual((await volume.listVolumes()).map(({ id }) => id), ['v', 'w']); // prettier-ignore
  });

  it('creates a volume', async () => {
    const request = { name: 'disk', size: 4, imageRef: 'i', metadata: { a: 'b' } };
    const made = { ...VOLUME, status: 'creating', bootable: 'false' };
    const { volume, seen } = await cinder(() => ({ status: 202, json: { volume: made } }));
    assert.deepEqual(await volume.createVolume(request), { ...made, bootable: false });
    assert.deepEqual(sent(seen.at(-1)), { volume: request });
  });

  it('adds metadata to a volume without losing other metadata', async () => {
    const { volume, seen } = await cinder(() => ({ json: { metadata: {} } }));
    await volume.setMetadata('v', { e: 'f' });
    // PUT would replace all metadata of the volume.
    assert.deepEqual([seen.at(-1)?.method, seen.at(-1)?.path], ['POST', '/v3/project-1/volumes/v/metadata']);
    assert.deepEqual(sent(seen.at(-1)), { metadata: { e: 'f' } });
  });

  it('sets image properties on a volume', async () => {
    const { volume, seen } = await cinder(() => ({ json: { metadata: {} } }));
    await volume.setImageMetadata('v', { os_distro: 'debian' });
    assert.equal(seen.at(-1)?.path, '/v3/project-1/volumes/v/action');
    assert.deepEqual(sent(seen.at(-1)), { 'os-set_image_metadata': { metadata: { os_distro: 'debian' } } });
  });

  it('lists the messages about a volume', async () => {
    const said = { resource_uuid: 'v', user_message: 'upload failed' };
    const { volume, seen } = await cinder(() => ({ json: { messages: [said, { ...said, resource_uuid: 'w' }] } }));
    assert.deepEqual(await volume.listMessages('v'), ['upload failed']);
    assert.equal(seen.at(-1)?.path, '/v3/project-1/messages?resource_uuid=v');
  });

  it('lists no messages when Cinder does not support messages', async () => {
    const { volume } = await cinder(() => ({
      status: 406,
      json: { computeFault: { message: 'Version 3.5 is not supported' } },
    }));
    assert.deepEqual(await volume.listMessages('v'), []);
  });

  it('makes a private image of an available volume', async () => {
    const request = { image_name: 'image', disk_format: 'qcow2', container_format: 'bare' };
    const answers: Reply[] = [{ status: 202, json: { 'os-volume_upload_image': { image_id: 'i' } } }, IN_STATE];
    const { volume, seen } = await cinder(() => answers.shift() ?? {});
    assert.equal(await volume.uploadToImage('v', request), 'i');
    assert.deepEqual(sent(seen.at(-1)), { 'os-volume_upload_image': { ...request, visibility: 'private' } });
    await assert.rejects(
      volume.uploadToImage('v', request),
      (error: unknown) => error instanceof FactoryError && error.type === 'Conflict',
    );
  });

  const refusals: [string, Reply, RegExp | undefined][] = [
    ['is being deleted', { json: { volume: { ...VOLUME, status: 'deleting' } } }, undefined],
    ['has been deleted meanwhile', { status: 404 }, undefined],
    ['is attached', { json: { volume: { ...VOLUME, status: 'in-use' } } }, /status must be available/],
  ];
  for (const [what, found, message] of refusals) {
    it(`${message === undefined ? 'succeeds' : 'fails'} when Cinder refuses a deletion because the volume ${what}`, async () => {
      const { volume } = await cinder(({ method }) => (method === 'DELETE' ? IN_STATE : found));
      if (message === undefined) await volume.deleteVolume('v');
      else await assert.rejects(volume.deleteVolume('v'), message);
    });
  }
});
